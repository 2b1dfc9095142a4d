"""General categories of Unicode 16.0, as tables for the packed image and as sets for lowering.

The numbers of categories are positions in CATEGORIES; `kernel_static/include/unicode.h` has the
same order. White_Space control characters get a category of their own, so that `\\s` and every
`\\p{..}` is a set of categories.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

VERSION = "16.0.0"
TABLE = Path(__file__).with_name("unicode_categories.txt")
CATEGORIES = (
    "Cc Cf Cn Co Cs Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs "
    "control-space"
).split()
CONTROL_SPACE = (0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85)
WHITE_SPACE = frozenset({"Zl", "Zp", "Zs", "control-space"})
CODE_POINTS = 0x110000


@cache
def categories() -> bytes:
    """One category number per code point."""
    numbers = {name: number for number, name in enumerate(CATEGORIES)}
    runs = []
    for line in TABLE.read_text("ascii").splitlines():
        if not line.startswith("#"):
            first, name = line.split()
            runs.append((int(first, 16), numbers[name]))
    table = bytearray()
    for (start, number), (end, _) in zip(runs, [*runs[1:], (CODE_POINTS, 0)]):
        table += bytes([number]) * (end - start)
    for code_point in CONTROL_SPACE:
        table[code_point] = numbers["control-space"]
    return bytes(table)


def category(character: str) -> str:
    """The category of one character, as named in CATEGORIES."""
    return CATEGORIES[categories()[ord(character)]]


def members(name: str) -> frozenset[str]:
    """What `\\p{name}` covers: one category, or all that share a first letter. Empty if unknown."""
    if name == "C":
        return frozenset(each for each in CATEGORIES if each[0] in "Cc")
    if name == "Cc":
        return frozenset({"Cc", "control-space"})
    return frozenset(each for each in CATEGORIES if each == name or each[0] == name)


def pages() -> tuple[list[int], bytes]:
    """The two-stage table: for each 256 code points the number of their row, and the rows."""
    table = categories()
    rows: dict[bytes, int] = {}
    found = [
        rows.setdefault(table[first : first + 256], len(rows))
        for first in range(0, CODE_POINTS, 256)
    ]
    return found, b"".join(rows)
