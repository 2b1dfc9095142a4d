"""The bit diagram of a wire header, 32 bits a row, as RFCs draw it."""

from __future__ import annotations

from cllm_gen.notation.names import c_name
from cllm_gen.notation.wire_layout import Field
from cllm_gen.spec.protocol import Protocol

_ROW = 32
_TALL = 5 * _ROW  # a run of octets this long is drawn as one row


def diagram(spec: Protocol) -> list[str]:
    """Lines of text, two columns a bit."""
    tens = "".join(f"{i // 10 if i % 10 == 0 else ' '} " for i in range(_ROW))
    ones = "".join(f"{i % 10} " for i in range(_ROW))
    lines = [" " + tens.rstrip(), " " + ones.rstrip()]
    above: list[Field | None] = [None] * _ROW
    labelled: set[str] = set()
    for row in _rows(spec.layout.fields):
        lines += [_ruler(above, row), _cells(row, labelled)]
        above = row
    lines.append(_ruler(above, [None] * _ROW))
    if spec.layout.rest:
        label = f"{spec.layout.rest_name} (rest of the {spec.layout.rest})"
        lines += [f":{label:^{2 * _ROW - 1}}:", "+" + "-+" * _ROW]
    return lines


def _rows(fields: tuple[Field, ...]) -> list[list[Field | None]]:
    """Each row's 32 bits by the field that owns them."""
    bits: list[Field | None] = []
    for field in fields:
        tall = field.bits >= _TALL and len(bits) % _ROW == 0 and field.bits % _ROW == 0
        bits += [field] * (_ROW if tall else field.bits)
    bits += [None] * (-len(bits) % _ROW)
    return [bits[i : i + _ROW] for i in range(0, len(bits), _ROW)]


def _ruler(above: list[Field | None], below: list[Field | None]) -> str:
    drawn = [a is not b for a, b in zip(above, below)]
    text = ""
    for i in range(_ROW + 1):
        left, right = drawn[i - 1] if i else False, drawn[i] if i < _ROW else False
        inside = (above[i - 1] or below[i - 1] if i else None) is not None or (
            i < _ROW and (above[i] or below[i]) is not None
        )
        edge = i in (0, _ROW) or above[i] is not above[i - 1]
        text += "+" if left or right else "|" if inside and edge else " "
        text += "-" if right else " "
    return text.rstrip()


def _cells(row: list[Field | None], labelled: set[str]) -> str:
    """One row of cells; `labelled` collects the fields whose name has been written."""
    text, i = "", 0
    while i < _ROW and (field := row[i]) is not None:
        start = i
        while i < _ROW and row[i] is field:
            i += 1
        width = 2 * (i - start) - 1
        head = min(field.bits, _ROW - field.offset % _ROW)
        widest = max(head, min(field.bits - head, _ROW))
        first = i - start == widest and field.name not in labelled
        labelled.update([field.name] if first else [])
        text += (
            ":" if _tall(field, i - start) else "|"
        ) + f"{_label(field, first, width):^{width}}"
    whole = row[0] if row[0] is row[-1] else None
    return text + (":" if whole and _tall(whole, _ROW) else "|")


def _tall(field: Field, count: int) -> bool:
    return field.bits >= _TALL and count == _ROW


def _label(field: Field, first: bool, width: int) -> str:
    """The field's name, shortened to fit, in the first of its widest cells; empty in the others."""
    if not first:
        return ""
    name = f"{field.name} ({field.bits // 8} octets)" if field.bits >= _TALL else field.name
    words = field.name.split("(")[0].split()
    short = (
        c_name(field.name).upper()
        if field.name.endswith(")")
        else "".join(word[0] for word in words)
    )
    if len(words) == 1 and not field.name.endswith(")"):
        short = words[0][: max(width - 1, 1)] + ("." if width > 1 else "")
    plain = field.name.split("(")[0].strip()
    return next((each for each in (name, plain) if len(each) <= width), short[:width])
