"""Wire headers to `protocols/<name>.h` and `.md`: names, loads, masks and the bit diagram."""

from __future__ import annotations

from typing import Any

from cllm_gen.lower.diagram import diagram
from cllm_gen.lower.output import Output
from cllm_gen.notation.names import c_name
from cllm_gen.notation.wire_layout import Bit, Field, Value, WireOption
from cllm_gen.spec.protocol import Protocol


def outputs(spec: Protocol) -> list[Output]:
    """The C header and the page of one protocol."""
    context = _context(spec)
    specs, parameters = [spec.span.path], {"protocol": spec.name}
    return [
        Output(
            f"protocols/{spec.name}.{suffix}", f"protocol.{suffix}.j2", context, specs, parameters
        )
        for suffix in ("h", "md")
    ]


def number_type(bits: int) -> str:
    """The narrowest unsigned type of at least `bits` bits."""
    return next(f"uint{size}_t" for size in (8, 16, 32, 64) if bits <= size)


def _context(spec: Protocol) -> dict[str, Any]:
    p, upper = spec.name, spec.name.upper()
    layout = spec.layout
    header, total = spec.role("header_length"), spec.role("total_length")
    rest = c_name(layout.rest_name) if layout.rest else ""
    fields = [_field(p, field) for field in layout.fields]
    largest = ((1 << header.bits) - 1) * header.unit if header else None
    return {
        "p": p,
        "upper": upper,
        "title": spec.title,
        "source": spec.source,
        "cite": spec.span.cite(),
        "diagram": diagram(spec),
        "fixed_size": spec.fixed_size,
        "header_size_max": largest,
        "fields": fields,
        "shown": [field for field in fields if field["accessors"]],
        "starts": _starts(spec),
        "must_be": [
            {
                "macro": f"{upper}_{c_name(field.name).upper()}",
                "load": _load(field, "bytes"),
                "value": hex(field.must_be) if field.must_be > 9 else field.must_be,
                "cite": field.span.cite(),
            }
            for field in layout.fields
            if field.must_be is not None
        ],
        "header": header
        and {
            "function": f"{p}_{c_name(header.name)}",
            "unit": header.unit,
            "load": _load(header, "bytes"),
            "name": c_name(header.name),
            "type": number_type(header.bits),
            "cite": header.span.cite(),
        },
        "total": total
        and {"unit": total.unit, "load": _load(total, "bytes"), "cite": total.span.cite()},
        "rest": rest,
        "rest_name": layout.rest_name,
        "rest_of": layout.rest,
        "payload": layout.rest != "message",
        "options": [_option(p, option) for option in layout.options],
        "option_extra": 2 if layout.counts_all else 0,
        "option_counts": "the whole option" if layout.counts_all else "its data",
        "ends": [option.number for option in layout.options if option.shape == "end"],
        "paddings": [option.number for option in layout.options if option.shape == "padding"],
    }


def _starts(spec: Protocol) -> list[dict[str, str]]:
    """Statements that write those fields into a header of zeros, one for fields that share octets."""
    merged: dict[tuple[int, int], list] = {}
    for field, value in _initial(spec):
        first, count, shift = _span(field)
        here = merged.setdefault((first, count), [0, []])
        here[0] |= value << shift
        here[1].append(f"{field.name} {hex(value) if value > 255 else value}")
    return [
        {
            "store": _put(first, count, hex(value) if value > 9 else str(value)),
            "said": ", ".join(said),
        }
        for (first, count), (value, said) in merged.items()
    ]


def _initial(spec: Protocol) -> list[tuple[Field, int]]:
    """Fields that a started header holds something other than zero in."""
    found = []
    for field in spec.layout.fields:
        if field.role == "header_length":
            found.append((field, spec.fixed_size // field.unit))
        elif value := field.must_be or field.initially:
            found.append((field, value))
    return found


def _span(field: Field) -> tuple[int, int, int]:
    """First octet, count of octets and right shift of a number."""
    first, last = field.offset // 8, (field.offset + field.bits - 1) // 8
    return first, last - first + 1, (last + 1) * 8 - field.offset - field.bits


def _raw(first: int, count: int, base: str) -> str:
    """The big-endian number in `count` octets at `first`."""
    if count == 1:
        return f"{base}[{first}]"
    at = f"{base} + {first}" if first else base
    return f"network_load{count * 8}({at})" if count in (2, 4) else f"network_load({at}, {count})"


def _load(field: Field, base: str) -> str:
    """An expression of the field's value."""
    first, count, shift = _span(field)
    raw = _raw(first, count, base)
    if field.bits == count * 8:
        return raw
    shifted = f"{raw} >> {shift}" if shift else raw
    above = count * 8 - shift - field.bits
    return f"{shifted} & {hex((1 << field.bits) - 1)}" if above else shifted


def _narrow(field: Field) -> str:
    """The field's value out of a view, in the field's own type."""
    load = _load(field, "view.bytes")
    exact = field.bits == _span(field)[1] * 8 and field.bits in (8, 16, 32, 64)
    return load if exact else f"({number_type(field.bits)})({load})"


def _put(first: int, count: int, value: str) -> str:
    """A statement that puts `value` into all of `count` octets at `first`."""
    if count == 1:
        return f"bytes[{first}] = {value};"
    at = f"bytes + {first}" if first else "bytes"
    return (
        f"network_store{count * 8}({at}, {value});"
        if count in (2, 4)
        else f"network_store({at}, {count}, {value});"
    )


def _store(field: Field) -> str:
    """A statement that puts `value` into the field and leaves its neighbours."""
    first, count, shift = _span(field)
    if field.bits == count * 8:
        return _put(first, count, "value")
    mask = (1 << field.bits) - 1
    kept = ((1 << count * 8) - 1) & ~(mask << shift)
    suffix = "ull" if count > 4 else "u"
    placed = f"(value & {hex(mask)}{suffix})" + (f" << {shift}" if shift else "")
    new = f"({_raw(first, count, 'bytes')} & {hex(kept)}{suffix}) | " + (
        f"({placed})" if shift else placed
    )
    return _put(first, count, f"(uint{count * 8}_t)({new})" if count in (1, 2, 4) else new)


def _field(p: str, field: Field) -> dict[str, Any]:
    name = c_name(field.name)
    macro = f"{p}_{name}".upper()
    named: list[tuple[Value | Bit, int]] = [(value, value.number) for value in field.values]
    named += [(bit, 1 << (field.bits - 1 - bit.position)) for bit in field.bit_names]
    width = (field.bits + 3) // 4
    return {
        "name": field.name,
        "c": name,
        "macro": macro,
        "note": field.note,
        "cite": field.span.cite(),
        "bits": field.bits,
        "place": f"{field.offset // 8}" + (f", bit {field.offset % 8}" if field.offset % 8 else ""),
        "size": (
            f"{field.bits // 8} octets"
            if field.octets
            else f"{field.bits} bit" + "s" * (field.bits > 1)
        ),
        "accessors": not field.reserved and field.must_be is None,
        "octets": field.bits // 8 if field.octets else 0,
        "at": field.offset // 8,
        "type": "" if field.octets else number_type(field.bits),
        "load": "" if field.octets else _narrow(field),
        "store": "" if field.octets else _store(field),
        "rule": _rule(field),
        "named": [
            _value(macro, item, number, width if field.bit_names or number > 255 else 0)
            for item, number in named
        ],
    }


def _value(prefix: str, item: Value | Bit, number: int, width: int) -> dict[str, str]:
    """One enumerator, in hexadecimal of `width` digits or in decimal."""
    return {
        "macro": f"{prefix}_{c_name(item.name)}".upper(),
        "number": f"0x{number:0{width}x}" if width else str(number),
        "name": item.name,
        "note": item.note,
    }


def _rule(field: Field) -> str:
    if field.must_be is not None:
        return f"must be {hex(field.must_be) if field.must_be > 9 else field.must_be}"
    if field.role:
        unit = "octets" if field.unit == 1 else f"units of {field.unit} octets"
        return f"{field.role.replace('_', ' ')} in {unit}"
    if field.initially is not None:
        return f"starts as {field.initially}"
    return "sent as zero, ignored" if field.reserved else ""


def _option(p: str, option: WireOption) -> dict[str, Any]:
    offset, parts = 0, []
    for part in option.parts:
        count, at = part.bits // 8, "at" if not offset else f"at + {offset}"
        name = c_name(part.name) or "value"
        load = f"at[{offset}]" if count == 1 else f"network_load{part.bits}({at})"
        store = (
            f"at[{offset}] = {name};" if count == 1 else f"network_store{part.bits}({at}, {name});"
        )
        parts.append({"c": name, "type": f"uint{part.bits}_t", "load": load, "store": store})
        offset += count
    said = ", ".join(f"{part.name} {part.bits} bits".strip() for part in option.parts)
    return {
        "name": option.name,
        "number": option.number,
        "c": f"option_{c_name(option.name)}",
        "macro": f"{p}_option_{c_name(option.name)}".upper(),
        "shape": option.shape,
        "size": option.size,
        "parts": parts,
        "note": option.note,
        "cite": option.span.cite(),
        "remark": (
            "\n * _count: 0 if the length is not a whole number of items."
            if option.shape == "list"
            else ""
        ),
        "named": [
            _value(f"{p}_option_{c_name(option.name)}", value, value.number, 0)
            for value in option.values
        ],
        "said": {
            "list": f"list of {said}",
            "parts": said,
            "end": "ends the list",
            "padding": "padding, one octet",
            "empty": "nothing",
            "octets": "octets",
        }[option.shape],
    }
