"""A wire header: fields in order of transmission with their widths, values and bits, and the options
that may follow, in the notation that RFCs list fields with (cllm_gen/notation/wire.lark)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cllm_gen.spec.source import Span, SpecError, caller_span

_TAKEN = ("check", "start", "header_size", "payload", "payload_size")
_TAKEN_PREFIXES = ("set_", "put_", "option_")
"""C names, after the protocol's own, that generated functions have."""


def c_name(name: str) -> str:
    """`Don't Fragment (DF)` is `df`, `Source Port` is `source_port`: the one naming law."""
    short = re.search(r"\(([^()]+)\)\s*$", name)
    plain = (short.group(1) if short else name).replace("'", "")
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")


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
        _unique([*self.values, *self.bit_names], "value")

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


@dataclass(frozen=True)
class Protocol:
    """One header. `source` names the RFC and section to hold it against; `refers` are its `see also`
    lines. `header` is the notation."""

    name: str
    title: str
    source: str
    header: str
    span: Span = field(default_factory=caller_span)
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        from cllm_gen.notation.wire import read_layout

        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise SpecError(
                self.span, f"protocol name {self.name!r}", "a lower-case C identifier", 'name="tcp"'
            )
        layout = read_layout(self.header, self.span)
        object.__setattr__(self, "layout", layout)
        fields = layout.fields
        if not fields:
            raise SpecError(
                self.span, "a header without fields", "at least one field", "Source Port: 16 bits"
            )
        _unique([each for each in fields if not each.reserved], "field")
        _unique(layout.options, "option")
        rest = c_name(layout.rest_name)
        for each in fields:
            name = c_name(each.name)
            if name in (*_TAKEN, rest, f"{rest}_size") or name.startswith(_TAKEN_PREFIXES):
                raise SpecError(
                    each.span,
                    f"a field {each.name!r}, whose C name a generated function has",
                    f"a name other than {', '.join(_TAKEN)}, {', '.join(_TAKEN_PREFIXES)}...",
                    "Data Offset: 4 bits, header length in 4 octets",
                )
        last = fields[-1]
        if (last.offset + last.bits) % 8:
            raise SpecError(
                last.span,
                f"a header of {last.offset + last.bits} bits",
                "a whole number of octets",
                f"Reserved: {-(last.offset + last.bits) % 8} bits",
            )
        for role in ("header_length", "total_length"):
            having = [each for each in fields if each.role == role]
            if len(having) > 1:
                raise SpecError(
                    having[1].span,
                    f"a second {role.replace('_', ' ')}",
                    "one field that measures it",
                    "Data Offset: 4 bits, header length in 4 octets",
                )
            for each in having:
                least = self.fixed_size
                if least % each.unit and role == "header_length":
                    raise SpecError(
                        each.span,
                        f"a header of {least} octets counted in units of {each.unit}",
                        "a unit that divides the header",
                        "Data Offset: 4 bits, header length in 4 octets",
                    )
                if ((1 << each.bits) - 1) * each.unit < least:
                    raise SpecError(
                        each.span,
                        f"{each.name} of {each.bits} bits for a header of {least} octets",
                        "a field wide enough to say that",
                        "IHL: 4 bits, header length in 4 octets",
                    )
        if layout.rest == "header" and self.role("header_length") is None:
            raise SpecError(
                self.span,
                "`rest of the header` without a field that gives the header's length",
                "a field with `header length in ...`, or `rest of the message`",
                "Data Offset: 4 bits, header length in 4 octets",
            )
        if layout.options and (layout.counts_all is None or not layout.rest):
            raise SpecError(
                layout.options[0].span,
                "options without their place or without what their length counts",
                "`Options: rest of the header` (or message) and `option length counts the whole option` (or data)",
                "option length counts the data",
            )
        numbers: dict[int, WireOption] = {}
        for option in layout.options:
            if option.number in numbers:
                raise SpecError(
                    option.span,
                    f"option {option.number} twice, already {numbers[option.number].name}",
                    "each number once",
                    "option 2 = Maximum Segment Size (MSS): 16 bits",
                )
            numbers[option.number] = option

    @property
    def fixed_size(self) -> int:
        """Octets of the fields, options not counted."""
        return (self.layout.fields[-1].offset + self.layout.fields[-1].bits + 7) // 8

    def role(self, role: str) -> Field | None:
        """The field that measures the header or the message, if there is one."""
        return next((each for each in self.layout.fields if each.role == role), None)


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
    _unique(values, "value")


def _unique(items, what: str) -> None:
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
