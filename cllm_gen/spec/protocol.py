"""A wire header: fields in order of transmission with their widths, values and bits, and the options
that may follow, in the notation that RFCs list fields with (cllm_gen/notation/wire.lark)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cllm_gen.notation.names import c_name
from cllm_gen.notation.wire import read_layout
from cllm_gen.notation.wire_layout import Field, Layout, WireOption, unique
from cllm_gen.source import Span, SpecError, caller_span

_TAKEN = ("check", "start", "header_size", "payload", "payload_size")
_TAKEN_PREFIXES = ("set_", "put_", "option_")
"""C names, after the protocol's own, that generated functions have."""


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
        unique([each for each in fields if not each.reserved], "field")
        unique(layout.options, "option")
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
