"""An instruction set as data: its registers, how a compiler is told and a CPU asked for it, and each
instruction that schedules use, its C text beside its meaning. Tests run every instruction on the
CPU against its meaning."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cllm_gen.notation.index import Meaning, Type, read_meaning
from cllm_gen.source import Span, SpecError, caller_span

CPU_REGISTERS = ("eax", "ebx", "ecx", "edx")


@dataclass(frozen=True)
class TileShape:
    """Two-dimensional registers: the most rows and bytes a row that they hold. Before use they are
    given shapes by `configure`, C with a {p} for the address of a 64-byte configuration, which
    clears them; `release` frees them."""

    rows: int
    row_bytes: int
    configure: str
    release: str


@dataclass(frozen=True)
class RegisterFile:
    """Registers of one C type. `count` maps bits of a target's words to how many it has. Registers with a `tile`
    shape are no C type, whatever `c_type` calls them: code names them by number, and instructions
    that fill them are statements."""

    c_type: str
    bits: int
    elements: Sequence[str]
    count: Mapping[int, int]
    tile: TileShape | None = None

    def holds(self, type: Type) -> bool:
        """Whether a value of the type fills one of these registers."""
        if type.element not in self.elements:
            return False
        if self.tile:
            return (type.rows, type.lanes * type.bits) == (self.tile.rows, 8 * self.tile.row_bytes)
        return not type.rows and type.lanes * type.bits == self.bits


@dataclass(frozen=True)
class Feature:
    """Something that a CPU must have for an instruction set. `name` is what Linux calls it; what it
    is asked for by is the architecture's: CpuidBit, or for another one a kind of its own, with a
    `struct cpu_feature` in kernel_static/cpu/<architecture>/ whose fields are `values`."""

    name: str

    @property
    def values(self) -> tuple[str, ...]:
        """The fields of its `struct cpu_feature` behind the name, in C."""
        raise NotImplementedError


@dataclass(frozen=True)
class CpuidBit(Feature):
    """Of an x86 CPU: one CPUID bit that must be set, and the XCR0 bits that the system must have
    enabled (kernel_static/cpu/x86/cpu_feature.h)."""

    leaf: int
    subleaf: int
    register: str
    bit: int
    state: int = 0

    def __post_init__(self) -> None:
        if self.register not in CPU_REGISTERS or not 0 <= self.bit < 32:
            raise SpecError(
                caller_span(),
                f"feature {self.name} in {self.register}[{self.bit}]",
                "a bit 0 to 31 of eax, ebx, ecx or edx",
                'CpuidBit("sse2", 1, 0, "edx", 26)',
            )

    @property
    def values(self) -> tuple[str, ...]:
        register = f"CPUID_{self.register.upper()}"
        return (str(self.leaf), str(self.subleaf), register, str(self.bit), str(self.state))


@dataclass(frozen=True)
class Instruction:
    """`code` is C with a {hole} for each parameter of `meaning`. Code whose result is a tile also
    has {result}, or else leaves it in its first parameter. `tolerance` bounds the error of a float
    result that is not exact, relative to the meaning of the same operands without their signs."""

    code: str
    meaning: str
    tolerance: float = 0
    span: Span = field(default_factory=caller_span, compare=False)
    read: Meaning = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "read", read_meaning(self.meaning, self.span))
        holes = set(re.findall(r"{(\w+)}", self.code))
        wanted = {name for name, _ in self.read.parameters}
        if self.read.result.rows and not self.in_place:
            wanted.add("result")
        if holes != wanted:
            raise SpecError(
                self.span,
                f"code {self.code!r} for parameters {', '.join(sorted(wanted)) or 'none'}",
                "each parameter in braces",
                'Instruction("_mm_add_epi16({a}, {b})", "add_i16(a: ...")',
            )

    @property
    def name(self) -> str:
        return self.read.name

    @property
    def in_place(self) -> bool:
        """Whether it leaves a tile where its first parameter was."""
        parameters = self.read.parameters
        return (
            "{result}" not in self.code
            and bool(self.read.result.rows and parameters)
            and parameters[0][1] == self.read.result
        )

    @property
    def free(self) -> bool:
        """A change of C type that costs no machine instruction."""
        return re.match(r"_mm\d*_cast\w+\(|\(u?int\d+_t\)\(", self.code) is not None


@dataclass(frozen=True)
class InstructionSet:
    """`base` is the set it extends: its registers, features and instructions are included. `headers`
    are those that declare the set's intrinsics and register types. `tuning` are compiler flags for
    the set's own kernels, which sets that extend it do not take over."""

    name: str
    summary: str
    flags: Sequence[str]
    features: Sequence[Feature]
    registers: Sequence[RegisterFile]
    instructions: Sequence[Instruction]
    base: InstructionSet | None = None
    headers: Sequence[str] = ()
    tuning: Sequence[str] = ()
    span: Span = field(default_factory=caller_span, compare=False)

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for instruction in self.instructions:
            if instruction.name in seen:
                raise SpecError(
                    instruction.span,
                    f"a second instruction {instruction.name}",
                    "one meaning a name",
                    f'"{instruction.name}_other(...) -> ..."',
                )
            seen.add(instruction.name)
            for type in (*(t for _, t in instruction.read.parameters), instruction.read.result):
                if type.lanes and not type.pointer:
                    self.c_type(type, instruction.span)

    @property
    def chain(self) -> list[InstructionSet]:
        """This set, the one it extends, and so on."""
        return [self, *(self.base.chain if self.base else [])]

    @property
    def table(self) -> dict[str, Instruction]:
        """Every instruction by name; a set's own come before its base's of the same name."""
        found = self.base.table if self.base else {}
        return {**found, **{each.name: each for each in self.instructions}}

    @property
    def c_types(self) -> list[str]:
        """The types of the whole chain's registers."""
        return [each.c_type for level in self.chain for each in level.registers if not each.tile]

    def headers_of(self, instruction: Instruction) -> set[str]:
        """What the C of one of its instructions needs."""
        owner = next(
            level for level in self.chain if any(each is instruction for each in level.instructions)
        )
        return set(owner.headers)

    @property
    def all_flags(self) -> list[str]:
        """Compiler flags of the whole chain, and the set's tuning."""
        return [*(flag for level in reversed(self.chain) for flag in level.flags), *self.tuning]

    @property
    def all_features(self) -> list[Feature]:
        """What a CPU must have for the whole chain."""
        return [*(self.base.all_features if self.base else []), *self.features]

    @property
    def all_registers(self) -> list[RegisterFile]:
        """Registers of the whole chain."""
        return [file for level in self.chain for file in level.registers]

    @property
    def tiles(self) -> RegisterFile | None:
        """The set's two-dimensional registers."""
        files = [file for file in self.all_registers if file.tile]
        return files[0] if files else None

    def c_type(self, type: Type, span: Span | None = None) -> str:
        """The C type that holds such a value."""
        if not type.lanes:
            return {"f32": "float", "imm": "int"}.get(
                type.element, f"{'u' * (type.element[0] == 'u')}int{type.bits}_t"
            )
        for file in self.all_registers:
            if file.holds(type):
                return file.c_type
        raise SpecError(
            span or self.span,
            f"{type} in {self.name}",
            "a type that fills one of its registers",
            "a: i16[8]   with 128-bit registers",
        )
