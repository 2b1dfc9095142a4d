"""A device: the PCI ids it answers to, its register maps and the records it shares with memory, in the
notation of datasheets (cllm_gen/notation/register.lark)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Sequence

from cllm_gen.spec.source import Span, SpecError, caller_span

SUFFIXES = ("OFFSET", "MASK", "SHIFT", "RESET", "COUNT", "STRIDE", "SIZE")
"""What generated macros end in; no register, field or value may be called so."""


class Access(Enum):
    """What reading and writing do."""

    READ = "R"
    WRITE = "W"
    BOTH = "R/W"
    READ_CLEARS = "RC"
    ONE_CLEARS = "R/W1C"

    @property
    def reads(self) -> bool:
        return self is not Access.WRITE

    @property
    def writes(self) -> bool:
        return self in (Access.WRITE, Access.BOTH, Access.ONE_CLEARS)


def c_name(name: str) -> str:
    """`10 Mb/s (10)` is `10`, `Full-duplex` is `full_duplex`."""
    short = re.search(r"\(([^()]+)\)\s*$", name)
    return re.sub(r"[^a-z0-9]+", "_", (short.group(1) if short else name).lower()).strip("_")


@dataclass(frozen=True)
class Value:
    """One named value of a field."""

    name: str
    number: int
    note: str
    span: Span


@dataclass(frozen=True)
class Condition:
    """The register is there only while a field of another one has this value."""

    register: str
    field: str
    value: int


@dataclass(frozen=True)
class Field:
    """Bits `high` down to `low` of a register; `access` None is the register's own."""

    name: str
    high: int
    low: int
    note: str
    span: Span
    initial: int | None = None
    access: Access | None = None
    values: tuple[Value, ...] = ()

    @property
    def bits(self) -> int:
        return self.high - self.low + 1

    def __post_init__(self) -> None:
        _allowed(self.name, self.span)
        if self.high < self.low:
            raise SpecError(
                self.span,
                f"bits {self.high}:{self.low} of {self.name}",
                "the higher bit first",
                f"{self.name} {self.low}:{self.high}",
            )
        if self.initial is not None and self.initial >> self.bits:
            raise SpecError(
                self.span,
                f"initial value {self.initial:#x} in {self.bits} bits of {self.name}",
                f"at most {(1 << self.bits) - 1:#x}",
                "SPEED 9:8 10b",
            )
        seen: dict[int, str] = {}
        names: dict[str, str] = {}
        for value in self.values:
            if value.number >> self.bits:
                raise SpecError(
                    value.span,
                    f"value {value.number:#x} of {self.name}, which has {self.bits} bits",
                    f"at most {(1 << self.bits) - 1:#x}",
                    "10b = 1000 Mb/s (1000)",
                )
            if value.number in seen:
                raise SpecError(
                    value.span,
                    f"{value.number:#x} twice, already {seen[value.number]}",
                    "each value once",
                    "10b = 1000 Mb/s (1000)",
                )
            if c_name(value.name) in names:
                raise SpecError(
                    value.span,
                    f"value {value.name!r}, in C the same as {names[c_name(value.name)]!r}",
                    "names that differ",
                    "10b = 1000 Mb/s (1000)",
                )
            _allowed(value.name, value.span)
            seen[value.number], names[c_name(value.name)] = value.name, value.name


@dataclass(frozen=True)
class Register:
    """One register, or `count` of them `stride` bytes apart."""

    name: str
    offset: int
    access: Access
    width: int
    note: str
    span: Span
    fields: tuple[Field, ...] = ()
    count: int | None = None
    stride: int | None = None
    reset: int | None = None
    when: Condition | None = None

    def __post_init__(self) -> None:
        _allowed(self.name, self.span)
        if self.width not in (8, 16, 32, 64):
            raise SpecError(
                self.span,
                f"{self.name} of {self.width} bits",
                "8, 16, 32 or 64 bits",
                "LCR (3; R/W; 8 bits)",
            )
        if self.offset % (self.width // 8):
            raise SpecError(
                self.span,
                f"{self.name} at {self.offset:#x}, {self.width} bits wide",
                f"an offset that is a multiple of {self.width // 8}",
                "CTRL (00000h; R/W)",
            )
        if (self.count is None) != (self.stride is None):
            raise SpecError(
                self.span,
                f"{self.name} with {'a count' if self.count else 'a stride'} alone",
                "an array with both count and stride",
                "RAL[16] (05400h + 8*n; R/W)",
            )
        if self.count is not None and (self.count < 1 or self.stride < self.width // 8):
            raise SpecError(
                self.span,
                f"{self.count} of {self.name}, {self.stride} bytes apart",
                f"at least one, at least {self.width // 8} bytes apart",
                "RAL[16] (05400h + 8*n; R/W)",
            )
        owner: dict[int, Field] = {}
        names: set[str] = set()
        for item in self.fields:
            if item.high >= self.width:
                raise SpecError(
                    item.span,
                    f"bit {item.high} of {self.name}, which has {self.width} bits",
                    f"bits 0 to {self.width - 1}",
                    "FD 0 1b",
                )
            if c_name(item.name) in names:
                raise SpecError(
                    item.span,
                    f"a second field {item.name} in {self.name}",
                    "each name once",
                    "FD 0 1b",
                )
            names.add(c_name(item.name))
            for bit in range(item.low, item.high + 1):
                if bit in owner:
                    raise SpecError(
                        item.span,
                        f"bit {bit} in {item.name} and in {owner[bit].name}",
                        "each bit in one field",
                        "SPEED 9:8 10b",
                    )
                owner[bit] = item
        if self.reset is not None and (
            self.reset >> self.width or any(f.initial is not None for f in self.fields)
        ):
            raise SpecError(
                self.span,
                f"reset {self.reset:#x} of {self.name} beside initial values, or too wide for it",
                "the reset value once: of the register or of its fields",
                "LCR (3; R/W; 8 bits; reset 00h)",
            )

    @property
    def initial(self) -> int | None:
        """The value after reset with undefined bits as 0; None if nothing is said about it."""
        known = [item for item in self.fields if item.initial is not None]
        if self.reset is not None or not known:
            return self.reset
        return sum(item.initial << item.low for item in known)


@dataclass(frozen=True)
class Registers:
    """Registers reached by one bus. `bus` is "memory" (MMIO of 32 bits), "ports" (base + offset) or
    "configuration" (PCI configuration space). `prefix` stands between device and register name."""

    text: str
    bus: str
    width: int = 32
    prefix: str = ""
    title: str = "Registers"
    span: Span = field(default_factory=caller_span)
    registers: tuple[Register, ...] = field(init=False)

    def __post_init__(self) -> None:
        from cllm_gen.notation.register import read_registers

        if self.bus not in ("memory", "ports", "configuration"):
            raise SpecError(
                self.span, f"bus {self.bus!r}", "memory, ports or configuration", 'bus="memory"'
            )
        registers = read_registers(self.text, self.span, self.width)
        object.__setattr__(self, "registers", registers)
        _names(registers)
        for each in registers:
            if self.bus == "memory" and each.width != 32:
                raise SpecError(
                    each.span,
                    f"{each.name} of {each.width} bits in memory",
                    "32 bits",
                    "CTRL (00000h; R/W)",
                )
            if each.width == 64:
                raise SpecError(
                    each.span, f"{each.name} of 64 bits", "8, 16 or 32 bits", "CTRL (00000h; R/W)"
                )
            if each.when:
                self._exists(each, each.when)
        self._apart(registers)

    def _exists(self, register: Register, when: Condition) -> None:
        fields = {(r.name, f.name): f for r in self.registers for f in r.fields}
        found = fields.get((when.register, when.field))
        if found is None or when.value >> found.bits:
            raise SpecError(
                register.span,
                f"when {when.register}.{when.field} = {when.value}",
                "a field of this map and a value that fits it",
                "DLL (0; R/W; 8 bits; when LCR.DLAB = 1)",
            )

    @staticmethod
    def _apart(registers: tuple[Register, ...]) -> None:
        """No two registers answer the same read, or take the same write, at one address."""
        for reads in (True, False):
            owner: dict[tuple, Register] = {}
            for each in registers:
                if not (each.access.reads if reads else each.access.writes):
                    continue
                for index in range(each.count or 1):
                    at = each.offset + index * (each.stride or 0)
                    for byte in range(at, at + each.width // 8):
                        other = owner.setdefault((byte, each.when), each)
                        if other is not each:
                            raise SpecError(
                                each.span,
                                f"{each.name} at {at:#x}, where {other.name} is",
                                f"one register to {'read' if reads else 'write'} at an address, or a `when`",
                                "DLL (0; R/W; 8 bits; when LCR.DLAB = 1)",
                            )


@dataclass(frozen=True)
class Record:
    """A structure in memory that the device reads or writes: a descriptor. Its words are declared
    like registers and lie side by side without gaps."""

    name: str
    text: str
    title: str
    span: Span = field(default_factory=caller_span)
    registers: tuple[Register, ...] = field(init=False)

    def __post_init__(self) -> None:
        from cllm_gen.notation.register import read_registers

        registers = read_registers(self.text, self.span, 32)
        object.__setattr__(self, "registers", registers)
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name) or not registers:
            raise SpecError(
                self.span,
                f"record {self.name!r} of {len(registers)} words",
                "a C name and words",
                'Record("rx_descriptor", ...)',
            )
        _names(registers)
        at = 0
        for each in registers:
            if each.offset != at or each.count is not None or each.when is not None:
                raise SpecError(
                    each.span,
                    f"{each.name} at {each.offset}",
                    f"the next word, at {at}, side by side with the last",
                    "LENGTH (8; R; 16 bits)",
                )
            at += each.width // 8

    @property
    def size(self) -> int:
        return self.registers[-1].offset + self.registers[-1].width // 8


@dataclass(frozen=True)
class PciId:
    """One vendor:device pair."""

    vendor: int
    device: int
    name: str
    note: str = ""
    span: Span = field(default_factory=caller_span)

    def __post_init__(self) -> None:
        for number in (self.vendor, self.device):
            if not 0 <= number <= 0xFFFF:
                raise SpecError(
                    self.span, f"PCI id {number:#x}", "16 bits", 'PciId(0x8086, 0x100E, "82540EM")'
                )


@dataclass(frozen=True)
class Device:
    """One device as its datasheet describes it. `source` names the datasheet and its revision."""

    name: str
    title: str
    source: str
    parts: Sequence[Registers | Record]
    ids: Sequence[PciId] = ()
    span: Span = field(default_factory=caller_span)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise SpecError(
                self.span, f"device name {self.name!r}", "a lower-case C identifier", 'name="e1000"'
            )
        seen: dict[tuple[int, int], PciId] = {}
        for each in self.ids:
            if (each.vendor, each.device) in seen:
                raise SpecError(
                    each.span,
                    f"PCI id {each.vendor:04x}:{each.device:04x} twice",
                    "each id once",
                    'PciId(0x8086, 0x100E, "82540EM")',
                )
            seen[each.vendor, each.device] = each
        names: set[str] = set()
        for part in self.parts:
            prefix = (
                f"{part.name}_"
                if isinstance(part, Record)
                else f"{part.prefix}_" if part.prefix else ""
            )
            for each in part.registers:
                name = prefix + c_name(each.name)
                if name in names:
                    raise SpecError(
                        each.span,
                        f"{name} in two parts of {self.name}",
                        "each name once, or a prefix for one part",
                        'Registers(..., prefix="bridge")',
                    )
                names.add(name)


def _allowed(name: str, span: Span) -> None:
    if c_name(name).upper() in SUFFIXES:
        raise SpecError(
            span,
            f"the name {name!r}",
            f"a name other than {', '.join(SUFFIXES)}, which generated macros end in",
            f"{name}_BITS",
        )


def _names(registers: tuple[Register, ...]) -> None:
    names: set[str] = set()
    for each in registers:
        if c_name(each.name) in names:
            raise SpecError(
                each.span, f"a second register {each.name}", "each name once", "CTRL (00000h; R/W)"
            )
        names.add(c_name(each.name))
