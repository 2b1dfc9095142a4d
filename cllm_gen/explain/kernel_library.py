"""The generated kernels of one instruction set as a loaded library: addresses, sizes, machine code."""

from __future__ import annotations

import ctypes
import hashlib
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from cllm_gen.image.compile import compile_units
from cllm_gen.image.sources import units
from cllm_gen.image.tool import run_tool
from cllm_gen.lower.kernel.resolve import resolve_all
from cllm_gen.lower.model.lowered import lowered
from cllm_gen.machine.errors import RunFailed
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.isa import InstructionSet

_STOPWATCH = Path(__file__).with_name("stopwatch.c")
_CPU = ("cpu_features.c", "vectors.c")
"""Files of the kernel that tell which sets run here."""
_ARGUMENTS = 12
_STACK = re.compile(r"\(%rsp|\(%rbp")


@dataclass(frozen=True)
class MachineCode:
    """What the compiler made of one kernel. `stack_moves` are vector moves to and from the stack:
    values that found no register."""

    size: int
    instructions: int
    stack_moves: int
    mnemonics: dict[str, int]


class KernelLibrary:
    """Compiled with the flags of the image that is a process; kernels that a set takes over from its
    base are those of the base."""

    def __init__(self, root: Path, appliance: Appliance, isa: InstructionSet):
        self.root, self.isa = root, isa
        folder = root / "build" / "bench" / f"{appliance.model.name}__{isa.name}"
        folder.mkdir(parents=True, exist_ok=True)
        target = appliance.process
        if isa.name not in [each.name for each in appliance.targets[target]]:
            raise RunFailed(f"the {target.name} image of {appliance.name} has no set {isa.name}")
        requests = lowered(appliance.model, appliance.kv_cache).requests
        functions = resolve_all(requests, [isa]).values()
        files = {f"generated/{each.file}" for each in functions}
        files.add(f"generated/isa/{isa.name}.c")
        self._of = {each.request.name: each.symbol for each in functions}
        found = [
            replace(unit, flags=(*unit.flags, "-fPIC"))
            for unit in units(root, appliance, target)
            if unit.source in files or Path(unit.source).name in _CPU
        ]
        objects = compile_units(root, folder, found, lambda *_: None)
        stopwatch = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", str(_STOPWATCH)]
        # A name of its own for each content: a library that is loaded is not read again.
        digest = hashlib.sha256(_STOPWATCH.read_bytes())
        for each in objects:
            digest.update(each.read_bytes())
        self.path = folder / f"kernels-{digest.hexdigest()[:12]}.so"
        if not self.path.exists():
            for old in folder.glob("*.so"):
                old.unlink()
            command = [target.compiler, "-shared", *stopwatch, *map(str, objects)]
            run_tool(root, [*command, "-o", str(self.path)])
        self._symbols = self._read_symbols()
        self._library = ctypes.CDLL(str(self.path))
        self._library.stopwatch.restype = ctypes.c_double
        self._library.cpu_supports.restype = ctypes.c_bool
        own = ctypes.cast(self._library.stopwatch, ctypes.c_void_p).value or 0
        self._base = own - self._symbols["stopwatch"][0]

    def _read_symbols(self) -> dict[str, tuple[int, int]]:
        """Address and size by name."""
        found = {}
        for line in run_tool(
            self.root, ["nm", "-S", "--defined-only", str(self.path)]
        ).splitlines():
            fields = line.split()
            if len(fields) == 4:
                found[fields[3]] = (int(fields[0], 16), int(fields[1], 16))
        return found

    def symbol(self, kernel: str) -> str:
        """The function that the set calls for a kernel: its own or the nearest base's."""
        return self._of[kernel]

    def runs_here(self) -> bool:
        """Whether this CPU and system have the set."""
        self._library.host_enable_vectors()
        wanted = self._base + self._symbols[f"isa__{self.isa.name}"][0]
        return self._library.cpu_supports(ctypes.c_void_p(wanted))

    def size(self, symbol: str) -> int:
        """Bytes of machine code."""
        return self._symbols[symbol][1]

    def machine_code(self, symbol: str) -> MachineCode:
        """Counts over the function's listing."""
        listing = run_tool(
            self.root,
            ["objdump", "-d", "--no-show-raw-insn", f"--disassemble={symbol}", str(self.path)],
        )
        names: Counter = Counter()
        moves = 0
        for line in listing.splitlines():
            fields = line.split("\t")
            if len(fields) < 2 or not fields[0].strip().endswith(":"):
                continue
            name = fields[1].split()[0]
            names[name] += 1
            moves += bool(name.startswith("vmov") and _STACK.search(fields[1]))
        return MachineCode(self.size(symbol), sum(names.values()), moves, dict(names.most_common()))

    def seconds(
        self, symbol: str, arguments: list[int], steps: list[int], copies: int, budget: float
    ) -> float:
        """One call's time; see stopwatch.c."""
        block = ctypes.c_uint64 * _ARGUMENTS
        padding = [0] * (_ARGUMENTS - len(arguments))
        return self._library.stopwatch(
            ctypes.c_void_p(self._base + self._symbols[symbol][0]),
            block(*arguments, *padding),
            block(*steps, *padding),
            ctypes.c_size_t(copies),
            ctypes.c_double(budget),
        )
