"""Which function an instruction set computes a request with: its own, or that of the nearest set it
extends. This depends on the request and the set alone, so what is generated for one model or
appliance serves all."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cllm_gen.source import SpecError, caller_span
from cllm_gen.spec.isa import InstructionSet
from cllm_gen.spec.kernel import C_TYPES, Kernel, KernelRequest, Schedule
from cllm_gen.spec.load import forget_specs

Kernels = Mapping[tuple[str, str], Kernel]


def load_kernels(root: Path) -> Kernels:
    """Every Kernel that `specs/kernels/*.py` defines, by operation and type."""
    found: dict[tuple[str, str], Kernel] = {}
    forget_specs(but_of=root)
    sys.path.insert(0, str(root))
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        for file in sorted((root / "specs" / "kernels").glob("[!_]*.py")):
            module = importlib.import_module(f"specs.kernels.{file.stem}")
            for name, each in vars(module).items():
                if isinstance(each, Kernel):
                    _check_name(name, each)
                    found[each.operation, each.type] = each
    finally:
        sys.path.remove(str(root))
        sys.dont_write_bytecode = written
    return found


def _check_name(name: str, kernel: Kernel) -> None:
    if name != kernel.name:
        raise SpecError(
            kernel.span,
            f"kernel {kernel.name} bound to {name}",
            "a variable of the kernel's name",
            f"{kernel.name} = Kernel(",
        )


def kernels_of(isa: InstructionSet) -> Kernels:
    """The kernels of the specs that the set is one of."""
    folders = Path(isa.span.file).resolve().parents
    return load_kernels(next(folder for folder in folders if (folder / "specs").is_dir()))


def kernel_of(kernels: Kernels, request: KernelRequest) -> Kernel:
    """The kernel that a request asks for. Raises SpecError."""
    known = kernels.get((request.operation, request.type))
    if known is None:
        raise SpecError(
            caller_span(),
            f"kernel {request.name}",
            "one of " + ", ".join(f"{o}_{t}" for o, t in sorted(kernels)),
            'KernelRequest("matmul", "q4_1", (576, 576))',
        )
    return known


@dataclass(frozen=True)
class Resolved:
    """A request as a C function: `isa` is the set whose function it is, in a file that is compiled
    with that set's flags."""

    request: KernelRequest
    kernel: Kernel
    isa: InstructionSet
    schedule: Schedule

    @property
    def quantizes(self) -> bool:
        """Whether it leaves rows as the set's quantize does, not floats."""
        return self.schedule.quantizes

    @property
    def body(self) -> str:
        """The name of what it shares with others of its set, by which free dimensions stand: that of
        matmul_q4_1_192x576 is matmul_q4_1_NxK."""
        sizes = zip(self.kernel.shape, self.request.shape, strict=True)
        free = self.schedule.free
        return self.request.named([name if name in free else size for name, size in sizes])

    @property
    def symbol(self) -> str:
        return f"{self.request.name}__{self.isa.name}"

    @property
    def file(self) -> str:
        """Below generated/."""
        return f"kernels/{self.isa.name}/{self.request.name}.c"

    @property
    def parameters(self) -> str:
        """Its parameters in C."""
        return c_parameters(self.kernel)


def c_parameters(kernel: Kernel) -> str:
    """The parameters of a kernel in C."""
    return ", ".join(f"{C_TYPES[kind]}{name}" for name, kind in kernel.arguments.items())


def resolve(kernels: Kernels, request: KernelRequest, isa: InstructionSet) -> Resolved:
    """The function that a set computes a request with. Raises SpecError when there is none."""
    kernel = kernel_of(kernels, request)
    schedule = kernel.schedule(isa, request)
    owner = next(each for each in isa.chain if kernel.schedules.get(each.name) is schedule)
    return Resolved(request, kernel, owner, schedule)


def resolve_all(
    requests: Iterable[KernelRequest], sets: Iterable[InstructionSet]
) -> dict[str, Resolved]:
    """The functions that some sets need for some requests, by symbol, each once."""
    wanted = sorted(requests)
    found = [resolve(kernels_of(isa), each, isa) for isa in sets for each in wanted]
    return dict(sorted((each.symbol, each) for each in found))
