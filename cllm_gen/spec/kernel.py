"""A kernel: an algorithm in index notation, apart from the schedules that say how an instruction set
computes it. A request asks for one kernel at one shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cllm_gen.notation.index import Algorithm, read_algorithm
from cllm_gen.source import Span, SpecError, caller_span
from cllm_gen.spec.isa import InstructionSet

NAME = re.compile(
    r"(?P<operation>[a-z_]+?)_(?P<type>b?f16|f32|i8|q[0-9]+(?:_[0-9k])?)_(?P<shape>[0-9]+(?:x[0-9]+)*)"
    r"(?P<parameters>(?:_[a-z]+[0-9][0-9pem]*)*)(?:__(?P<isa>[a-z0-9_]+))?"
)
C_TYPES = {
    "size": "size_t ",
    "f32": "float ",
    "in bytes": "const void *",
    "out bytes": "void *",
    "in u8": "const uint8_t *",
    "out u8": "uint8_t *",
    "in i32": "const int32_t *",
    "in u32": "const uint32_t *",
    "in f32": "const float *",
    "out f32": "float *",
}


@dataclass(frozen=True, order=True)
class KernelRequest:
    """One operation at one shape; `parameters` are constants that the shape does not imply, such as a
    scale of attention."""

    operation: str
    type: str
    shape: tuple[int, ...]
    parameters: tuple[tuple[str, float], ...] = ()

    @property
    def name(self) -> str:
        """The naming law: `operation_type_RxC`, then each parameter as `_scale0p31`. It says all that
        makes the kernel; `NAME` reads it back, and `__isa` behind it."""
        return self.named(self.shape)

    def named(self, shape: Sequence[object]) -> str:
        """The name with other words for the dimensions."""
        given = "".join(f"_{name}{_digits(value)}" for name, value in self.parameters)
        return f"{self.operation}_{self.type}_{'x'.join(map(str, shape))}{given}"

    @property
    def matrices(self) -> int:
        """Weight matrices that it multiplies by; 0: it is no matrix kernel."""
        return {"matmul": 1, "matmul_add": 1, "swiglu": 2, "geglu": 2}.get(self.operation, 0)

    @property
    def may_quantize(self) -> bool:
        """Whether a schedule may leave the result quantised."""
        return self.matrices == 2 or self.operation.startswith("attention")


def _digits(value: float) -> str:
    """A number as part of a name: p is the point, m a minus."""
    return repr(value).replace(".", "p").replace("-", "m").replace("+", "")


@dataclass(frozen=True)
class Schedule:
    """How: `trace(program, **shape)` writes the steps in instructions of `isa`, which is the set
    asked for or one it extends. `fits(**shape)` says which shapes it can do; the rest fall to the
    schedule of a set that `isa` extends. `free` are dimensions that only scale what the steps do: C is
    written once for all their values, which `trace` has as names. `quantizes`, of a gated product or attention: it leaves rows
    as the set's quantize does, not floats."""

    isa: InstructionSet
    trace: Callable[..., None]
    summary: str
    fits: Callable[..., bool] = lambda **shape: True
    quantizes: bool = False
    free: Sequence[str] = ()


@dataclass(frozen=True)
class Kernel:
    """Bound to the name `operation_type`. `arguments` maps a C parameter to what it is (a key of C_TYPES); `shape` names the request's
    dimensions as the algorithm does; `schedules` maps an instruction set's name to its schedule. A
    set without one uses that of the nearest set it extends."""

    operation: str
    type: str
    summary: str
    shape: Sequence[str]
    arguments: Mapping[str, str]
    algorithm: str
    schedules: Mapping[str, Schedule]
    span: Span = field(default_factory=caller_span, compare=False)
    read: Algorithm = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "read", read_algorithm(self.algorithm, self.span))
        for name, kind in self.arguments.items():
            if kind not in C_TYPES:
                raise SpecError(
                    self.span,
                    f"argument {name}: {kind!r}",
                    " or ".join(C_TYPES),
                    'arguments={"x": "in f32"}',
                )

    @property
    def name(self) -> str:
        """What its spec calls it."""
        return f"{self.operation}_{self.type}"

    def schedule(self, isa: InstructionSet, request: KernelRequest) -> Schedule:
        """The schedule of the nearest set; SpecError when there is none."""
        for level in isa.chain:
            schedule = self.schedules.get(level.name)
            if schedule is not None and schedule.fits(**self.dimensions(request)):
                return schedule
        raise SpecError(
            self.span,
            f"no schedule of {self.operation} for {isa.name}, which {request.name} needs",
            f"a schedule for one of {', '.join(level.name for level in isa.chain)}",
            f'schedules={{"{isa.name}": Schedule({isa.name}, steps, "...")}}',
        )

    def dimensions(self, request: KernelRequest) -> dict[str, Any]:
        """Shape and parameters of a request by name."""
        if len(request.shape) != len(self.shape):
            raise SpecError(
                self.span,
                f"{request.name} with {len(request.shape)} dimensions",
                "x".join(self.shape),
                f"{self.operation}_{self.type}_" + "x".join("8" for _ in self.shape),
            )
        return {**dict(zip(self.shape, request.shape)), **dict(request.parameters)}
