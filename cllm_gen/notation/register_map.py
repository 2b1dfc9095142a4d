"""What the register notation (register.lark) makes: registers, their fields and the fields' values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cllm_gen.notation.names import c_name
from cllm_gen.source import Span, SpecError

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
        if (
            self.count is not None
            and self.stride is not None
            and (self.count < 1 or self.stride < self.width // 8)
        ):
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
        known = [item.initial << item.low for item in self.fields if item.initial is not None]
        if self.reset is not None or not known:
            return self.reset
        return sum(known)


def _allowed(name: str, span: Span) -> None:
    if c_name(name).upper() in SUFFIXES:
        raise SpecError(
            span,
            f"the name {name!r}",
            f"a name other than {', '.join(SUFFIXES)}, which generated macros end in",
            f"{name}_BITS",
        )
