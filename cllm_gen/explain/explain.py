"""`cllm-gen explain KERNEL`: what a generated kernel is, what it costs, what bounds it on this machine,
how near it comes, and so what to look at next."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cllm_gen.bench.probe import Abilities, known, probe
from cllm_gen.explain.kernel_case import Case, Cases
from cllm_gen.explain.kernel_library import KernelLibrary, MachineCode
from cllm_gen.image.build import compile_image
from cllm_gen.image.symbols import read_symbols
from cllm_gen.lower.kernel.resolve import load_kernels, resolve
from cllm_gen.lower.kernel.trace import Traced, trace
from cllm_gen.lower.model.lowered import ROWS_MAX, Lowered, lowered
from cllm_gen.machine.errors import RunFailed
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.isa import InstructionSet
from cllm_gen.weights.pack import pack_model

_UNITS = {
    "_tile_dpbssd": ("int8_amx", 32768),
    "_tile_dpbf16ps": ("bf16_amx", 16384),
    "_mm512_dpbusd": ("int8_avx512_vnni", 128),
    "_mm512_dpwssd": ("int16_avx512_vnni", 64),
    "_mm512_dpbf16": ("bf16_avx512", 64),
    "_mm512_fmadd": ("f32_avx512", 32),
    "_mm256_dpbusd": ("int8_avx_vnni", 64),
    "_mm256_maddubs": ("int8_avx2", 64),
    "_mm256_madd_epi16": ("int16_avx2", 32),
    "_mm256_fmadd": ("f32_avx2", 16),
}
"""What an instruction's C holds, the unit of the probe that it keeps busy, and its operations."""
_BUDGET = 0.25  # seconds for each timing
_WORKING_SET = 96 << 20


@dataclass(frozen=True)
class Timing:
    """One call's measured time and its bounds, in seconds; shares are bound over time. `hot` repeats
    one call, so that weights come from the nearest cache that holds them; `cold` rotates them."""

    rows: int
    bytes: int
    operations: int
    outputs: int
    cold: float
    hot: float
    memory_bound: float
    multiplier_bound: float

    @property
    def bound(self) -> float:
        return max(self.memory_bound, self.multiplier_bound)

    @property
    def intensity(self) -> float | None:
        """Operations for each byte of weights or cache."""
        return self.operations / self.bytes if self.bytes and self.operations else None


@dataclass
class Explanation:
    """Everything about one kernel of one set; `instructions` are by name, for one batch row (matrices:
    and one tile of 16 outputs). `unit` is the multiplier of the probe that bounds it."""

    kernel: str
    isa: str
    symbol: str
    summary: str
    algorithm: str
    schedule: str
    spec: str
    shape: dict[str, float]
    registers: dict[str, int]
    instructions: dict[str, int]
    per_output: float
    weight_bytes: int
    code: MachineCode
    unit: str | None
    timings: list[Timing] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)

    def document(self) -> dict:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Listed:
    """A line of the list of kernels."""

    kernel: str
    isa: str
    symbol: str
    schedule: str
    per_output: float
    code_bytes: int


class Explainer:
    """The kernels of one appliance's model."""

    def __init__(self, root: Path, appliance: Appliance):
        self.root, self.appliance = root, appliance
        self.low: Lowered = lowered(appliance.model, appliance.kv_cache)
        self.requests = {each.name: each for each in self.low.requests}
        self.sets: list[InstructionSet] = list(appliance.targets[appliance.process])
        self._kernels = load_kernels(root)

    def matching(self, name: str) -> list[str]:
        """Kernels whose name is, or else begins with, `name`."""
        return [name] if name in self.requests else [n for n in self.requests if n.startswith(name)]

    def instruction_set(self, name: str | None) -> InstructionSet | None:
        """By name; None for None. RunFailed for an unknown one."""
        for each in self.sets:
            if each.name == name:
                return each
        if name is None:
            return None
        names = ", ".join(each.name for each in self.sets)
        raise RunFailed(
            f"no instruction set {name!r} in the {self.appliance.process.name} image; it has: {names}"
        )

    def trace(self, name: str, isa: InstructionSet) -> Traced:
        request = self.requests[name]
        return trace(self._kernels[request.operation, request.type], request, isa)

    def listed(self, names: list[str], isa: InstructionSet | None) -> list[Listed]:
        """Every kernel of these with its cost and the bytes of its code in the image that is a process; without
        a set, every set's own version."""
        image = compile_image(self.root, self.appliance.process.name, self.appliance)
        sizes = {each.name: each.size for each in read_symbols(self.root, image.symbols)}
        found = []
        for name in names:
            for each in [isa] if isa else self.sets:
                resolved = resolve(self._kernels, self.requests[name], each)
                symbol = resolved.symbol
                if symbol not in sizes or (isa is None and resolved.isa.name != each.name):
                    continue
                traced = self.trace(name, each)
                found.append(
                    Listed(
                        name, each.name, symbol, traced.summary, traced.per_output, sizes[symbol]
                    )
                )
        return found

    def _library(self, isa: InstructionSet | None) -> KernelLibrary:
        """The set's kernels; without a set, those of the most capable one that runs here."""
        if isa:
            return KernelLibrary(self.root, self.appliance, isa)
        for each in reversed(self.sets[1:]):
            library = KernelLibrary(self.root, self.appliance, each)
            if library.runs_here():
                return library
        return KernelLibrary(self.root, self.appliance, self.sets[0])

    def explain(self, name: str, isa: InstructionSet | None) -> Explanation:
        """One kernel; without a set, the most capable one that runs here."""
        library = self._library(isa)
        traced = self.trace(name, library.isa)
        symbol = library.symbol(name)
        schedule = traced.kernel.schedule(library.isa, traced.request)
        unit = unit_of(traced, schedule.isa.table)
        found = Explanation(
            kernel=name,
            isa=library.isa.name,
            symbol=symbol,
            summary=traced.kernel.summary,
            algorithm=traced.kernel.read.text,
            schedule=traced.summary,
            spec=traced.kernel.span.cite(traced.kernel.name),
            shape=traced.kernel.dimensions(traced.request),
            registers=traced.registers,
            instructions=dict(sorted(traced.instructions.items(), key=lambda item: -item[1])),
            per_output=traced.per_output,
            weight_bytes=traced.weight_bytes,
            code=library.machine_code(symbol),
            unit=unit,
        )
        if not library.runs_here():
            found.advice.append(f"This CPU does not have {library.isa.name}: nothing was timed.")
            return found
        threads = len(os.sched_getaffinity(0))
        abilities = known(self.root) or probe(self.root, _WORKING_SET, threads)
        shared = self.root / "build" / self.appliance.name
        pack = pack_model(self.root, self.appliance, shared)
        cases = Cases(self.low, pack, library)
        for rows in dict.fromkeys((1, cases.most_rows(traced.request, ROWS_MAX))):
            case = cases.case(traced, rows)
            found.timings.append(timed(library, symbol, case, abilities, unit))
        found.advice += advice(found, abilities)
        return found


def unit_of(traced: Traced, table: dict) -> str | None:
    """The multiplier that does most of the kernel's operations; none where the probe measures no such
    unit. `table` has the instructions of the set that the schedule is written for."""
    done: Counter = Counter()
    for name, count in traced.instructions.items():
        for holds, (unit, operations) in _UNITS.items():
            if holds in table[name].code:
                done[unit] += count * operations
    return done.most_common(1)[0][0] if done else None


def timed(
    library: KernelLibrary,
    symbol: str,
    case: Case,
    abilities: Abilities,
    unit: str | None,
) -> Timing:
    """Measures one case, hot and cold."""
    still = [0] * len(case.steps)
    hot = library.seconds(symbol, case.arguments, still, 1, _BUDGET)
    cold = hot
    if case.copies > 1:
        copies = min(case.copies, max(2, int(_BUDGET / hot)))
        cold = library.seconds(symbol, case.arguments, case.steps, copies, _BUDGET)
    peak = abilities.peaks[unit][0] if unit in abilities.peaks else 0.0
    return Timing(
        case.rows,
        case.bytes,
        case.operations,
        case.outputs,
        cold,
        hot,
        case.bytes / abilities.bandwidth[0],
        case.operations / peak if peak else 0.0,
    )


def advice(found: Explanation, abilities: Abilities) -> list[str]:
    """What limits the kernel, and where to look, in sentences."""
    said = []
    for timing in found.timings:
        share = timing.bound / timing.cold
        rows = f"{timing.rows} row{'s' * (timing.rows > 1)}"
        if not timing.bound:
            said.append(f"{rows}: it reads no weights and no bound is known; see its instructions.")
        elif share > 0.85:
            what = "memory" if timing.memory_bound >= timing.multiplier_bound else "multipliers"
            said.append(f"{rows}: at the speed of the {what}; only less to do would help.")
        elif timing.memory_bound >= timing.multiplier_bound and timing.hot < 0.7 * timing.cold:
            said.append(
                f"{rows}: {timing.cold / timing.hot:.1f} times as fast with weights in the cache, so "
                "it waits for memory: read further ahead, or from more places at once."
            )
        elif timing.memory_bound >= timing.multiplier_bound:
            said.append(
                f"{rows}: hardly faster with weights in the cache, so its instructions limit it: "
                + _busiest(found)
            )
        else:
            said.append(
                f"{rows}: the multipliers wait for other instructions ({100 * share:.0f} % busy): "
                + _busiest(found)
            )
    if found.code.stack_moves:
        said.append(
            f"{found.code.stack_moves} of {found.code.instructions} machine instructions move vectors "
            "to or from the stack: too many values are alive at once somewhere."
        )
    return said


def _busiest(found: Explanation) -> str:
    """The instructions that run most often, with their shares."""
    total = sum(found.instructions.values())
    first = list(found.instructions.items())[:4]
    return ", ".join(f"{name} {100 * count / total:.0f} %" for name, count in first) + "."
