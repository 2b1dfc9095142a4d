"""An instruction set as data: its registers, how a compiler is told and a CPU asked for it, and each
instruction that schedules use, its C text beside its meaning. Tests run every instruction on the
CPU against its meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Mapping, Sequence

from cllm_gen.notation.index import Meaning, Type, read_meaning
from cllm_gen.spec.source import Span, SpecError, caller_span

CPU_REGISTERS = ("eax", "ebx", "ecx", "edx")


@dataclass(frozen=True)
class RegisterFile:
    """Registers of one C type. `count` maps a target to how many it has."""

    c_type: str
    bits: int
    elements: Sequence[str]
    count: Mapping[str, int]


@dataclass(frozen=True)
class Feature:
    """One CPUID bit that must be set, and the XCR0 bits that the system must have enabled."""

    name: str
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
                'Feature("sse2", 1, 0, "edx", 26)',
            )


@dataclass(frozen=True)
class Instruction:
    """`code` is C with a {hole} for each parameter of `meaning`."""

    code: str
    meaning: str
    span: Span = field(default_factory=caller_span, compare=False)
    read: Meaning = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "read", read_meaning(self.meaning, self.span))
        holes = set(re.findall(r"{(\w+)}", self.code))
        wanted = {name for name, _ in self.read.parameters}
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
    def free(self) -> bool:
        """A change of C type that costs no machine instruction."""
        return re.match(r"_mm\d*_cast\w+\(|\(u?int\d+_t\)\(", self.code) is not None


@dataclass(frozen=True)
class InstructionSet:
    """`base` is the set it extends: its registers, features and instructions are included."""

    name: str
    summary: str
    flags: Sequence[str]
    features: Sequence[Feature]
    registers: Sequence[RegisterFile]
    instructions: Sequence[Instruction]
    base: InstructionSet | None = None
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
    def all_flags(self) -> list[str]:
        """Compiler flags of the whole chain."""
        return [*(self.base.all_flags if self.base else []), *self.flags]

    @property
    def all_features(self) -> list[Feature]:
        """CPUID requirements of the whole chain."""
        return [*(self.base.all_features if self.base else []), *self.features]

    def c_type(self, type: Type, span: Span | None = None) -> str:
        """The C type that holds such a value."""
        if not type.lanes:
            return {"f32": "float", "imm": "int"}.get(
                type.element, f"{'u' * (type.element[0] == 'u')}int{type.bits}_t"
            )
        for level in self.chain:
            for file in level.registers:
                if file.bits == type.bits * type.lanes and type.element in file.elements:
                    return file.c_type
        raise SpecError(
            span or self.span,
            f"{type} in {self.name}",
            "a type that fills one of its registers",
            "a: i16[8]   with 128-bit registers",
        )
