"""What the wire notation (wire.lark) makes: a header's fields in order, with their values and bits, and
the options that may follow."""

from __future__ import annotations

from dataclasses import dataclass

from cllm_gen.notation.names import c_name
from cllm_gen.source import Span, SpecError


@dataclass(frozen=True)
class Value:
    """One named value of a field."""

    name: str
    number: int
    note: str
    span: Span


@dataclass(frozen=True)
class Bit:
    """One named bit of a field; position 0 is the most significant, as in RFCs."""

    name: str
    position: int
    note: str
    span: Span


@dataclass(frozen=True)
class Field:
    """`bits` wide at `offset` bits from the header's start. `role` is "" or says what the number
    measures: "header_length" or "total_length", in units of `unit` octets."""

    name: str
    offset: int
    bits: int
    note: str
    span: Span
    octets: bool = False
    must_be: int | None = None
    initially: int | None = None
    role: str = ""
    unit: int = 1
    values: tuple[Value, ...] = ()
    bit_names: tuple[Bit, ...] = ()

    def __post_init__(self) -> None:
        if self.bits <= 0:
            raise SpecError(
                self.span,
                f"{self.name} of {self.bits} bits",
                "a width of at least one bit",
                "TTL: 8 bits",
            )
        if not self.octets and self.bits > 64:
            raise SpecError(
                self.span,
                f"{self.name}, a number of {self.bits} bits",
                "at most 64 bits, or octets",
                f"{self.name}: {self.bits // 8} octets",
            )
        if self.octets and self.offset % 8:
            raise SpecError(
                self.span,
                f"{self.name} at bit {self.offset}",
                "octets that begin on an octet boundary",
                "Reserved: 4 bits, before it",
            )
        if self.octets and (self.values or self.bit_names or self.must_be is not None or self.role):
            raise SpecError(
                self.span,
                f"values or a rule for {self.name}, which is a run of octets",
                "values, bits and rules only on numbers",
                f"{self.name}: 16 bits",
            )
        if not self.octets and (self.offset + self.bits - 1) // 8 - self.offset // 8 >= 8:
            raise SpecError(
                self.span,
                f"{self.name}, which touches more than 8 octets",
                "a number within 8 octets",
                "a 64-bit number on an octet boundary",
            )
        for number, what in [(self.must_be, "must be"), (self.initially, "initially")]:
            if number is not None and number >> self.bits:
                raise SpecError(
                    self.span,
                    f"{what} {number} in {self.bits} bits",
                    f"at most {(1 << self.bits) - 1}",
                    "Version: 4 bits, must be 4",
                )
        _values(self.values, self.bits, self.name)
        places: set[int] = set()
        for bit in self.bit_names:
            if bit.position >= self.bits or bit.position in places:
                raise SpecError(
                    bit.span,
                    f"bit {bit.position} of {self.name}",
                    f"each of bits 0 (most significant) to {self.bits - 1} at most once",
                    "bit 0 = Broadcast",
                )
            places.add(bit.position)
        unique([*self.values, *self.bit_names], "value")

    @property
    def reserved(self) -> bool:
        """Reserved fields are cleared when a header is started and otherwise ignored."""
        return c_name(self.name).startswith("reserved")


@dataclass(frozen=True)
class Part:
    """One number in an option's data; the only one may be nameless."""

    name: str
    bits: int


@dataclass(frozen=True)
class WireOption:
    """`shape` is end, padding, empty, octets, parts or list (of groups of parts)."""

    name: str
    number: int
    shape: str
    parts: tuple[Part, ...]
    note: str
    span: Span
    values: tuple[Value, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.number <= 255:
            raise SpecError(
                self.span, f"option {self.number}", "0 to 255", "option 2 = MSS: 16 bits"
            )
        for part in self.parts:
            if part.bits not in (8, 16, 32):
                raise SpecError(
                    self.span,
                    f"{part.bits} bits in option {self.name}",
                    "8, 16 or 32 bits",
                    "option 2 = Maximum Segment Size (MSS): 16 bits",
                )
        if len(self.parts) > 1 and not all(part.name for part in self.parts):
            raise SpecError(
                self.span,
                f"a nameless part in option {self.name}",
                "a name for each of several parts",
                "option 8 = Timestamps: Value 32 bits, Echo Reply 32 bits",
            )
        if self.values and (self.shape != "parts" or len(self.parts) != 1):
            raise SpecError(
                self.values[0].span,
                f"a value of option {self.name}",
                "values only for an option of one number",
                "option 53 = Message Type: 8 bits",
            )
        _values(self.values, self.parts[0].bits if self.parts else 0, self.name)
        names = [part.name for part in self.parts]
        if len(set(names)) != len(names):
            raise SpecError(
                self.span,
                f"one name for two parts in option {self.name}",
                "different names",
                "option 8 = Timestamps: Value 32 bits, Echo Reply 32 bits",
            )

    @property
    def size(self) -> int:
        """Octets of data, or of one item of a list."""
        return sum(part.bits for part in self.parts) // 8


@dataclass(frozen=True)
class Layout:
    """What the notation says: fields, what follows them, and options."""

    fields: tuple[Field, ...]
    rest: str = ""
    """`header` or `message` when a line `Options: rest of the ...` is there."""
    rest_name: str = ""
    counts_all: bool | None = None
    """The option length counts type and length octets too."""
    options: tuple[WireOption, ...] = ()


def _values(values: tuple[Value, ...], bits: int, name: str) -> None:
    """Named values fit into their number and name it once."""
    seen: dict[int, Value] = {}
    for value in values:
        if value.number >> bits:
            raise SpecError(
                value.span,
                f"value {value.number} of {name}, which has {bits} bits",
                f"at most {(1 << bits) - 1}",
                "6 = TCP",
            )
        if value.number in seen:
            raise SpecError(
                value.span,
                f"{value.number} twice, already {seen[value.number].name}",
                "each value once",
                "6 = TCP",
            )
        seen[value.number] = value
    unique(values, "value")


def unique(items, what: str) -> None:
    """Two things that would get the same C name cannot both stand."""
    seen: dict[str, str] = {}
    for item in items:
        name = c_name(item.name)
        if name in seen:
            raise SpecError(
                item.span,
                f"{what} {item.name!r}, which is `{name}` in C like {seen[name]!r}",
                f"a different name for each {what}",
                "an abbreviation in parentheses: Don't Fragment (DF)",
            )
        seen[name] = item.name
