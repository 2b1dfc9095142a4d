"""Every mistake in a register map names its file and line, what was found, what was expected and an
example that is accepted."""

from __future__ import annotations

import pytest

from tests.notations import refusal

MAP = (
    'Device(name="small", title="Small", source="None", parts=[Registers(bus="memory", text=TEXT)])'
)
PORTS = MAP.replace('"memory"', '"ports", width=8')
RECORD = 'Device(name="small", title="Small", source="None", parts=[Record("word", title="Word", text=TEXT)])'

# (what is wrong, spec, notation, its line counted from the opening quotes as 0, found, expected)
CASES = [
    ("no offset", MAP, "\n  CTRL R/W\n", 1, "CTRL R/W", "its bits"),
    ("no access", MAP, "\n  CTRL (0)\n", 1, ")", "`;`"),
    ("unknown access", MAP, "\n  CTRL (0; RO)\n", 1, "O)", "`)`"),
    ("offset in words", MAP, "\n  CTRL (zero; R)\n", 1, "zero", "a number"),
    ("unclosed", MAP, "\n  CTRL (0; R/W\n", 1, "end of the line", "`)`"),
    ("half a stride", MAP, "\n  A[4] (0 + 8; R)\n", 1, ";", "`*n`"),
    ("unknown clause", MAP, "\n  A (0; R; sticky)\n", 1, "sticky", "`reset value`"),
    ("single dash", MAP, "\n  A (0; R) - text\n", 1, "- text", "documentation"),
    ("field without bits", MAP, "\n  A (0; R)\n    FD\n", 2, "end of the line", "its bits"),
    ("bits in words", MAP, "\n  A (0; R)\n    FD all\n", 2, "all", "its bits"),
    ("initial in words", MAP, "\n  A (0; R)\n    FD 0 none\n", 2, "none", "an initial value"),
    ("value without equals", MAP, "\n  A (0; R)\n    FD 0 1b\n      1b Full\n", 3, "Full", "`=`"),
    (
        "value without name",
        MAP,
        "\n  A (0; R)\n    FD 0 1b\n      1b =\n",
        3,
        "end of the line",
        "name",
    ),
    ("when what", MAP, "\n  A (0; R; when B)\n", 1, ")", "`.`"),
    ("field above registers", MAP, "\n  FD 0 1b\n", 1, "above every register", "its register"),
    ("value above fields", MAP, "\n  A (0; R)\n   1b = On\n", 2, "below no field", "its field"),
    ("bits reversed", MAP, "\n  A (0; R)\n    FD 1:3 1b\n", 2, "bits 1:3", "higher bit first"),
    ("bit outside", MAP, "\n  A (0; R)\n    FD 32 1b\n", 2, "bit 32 of A", "bits 0 to 31"),
    (
        "bit twice",
        MAP,
        "\n  A (0; R)\n    X 3:0\n    Y 4:3\n",
        3,
        "bit 3 in Y and in X",
        "one field",
    ),
    ("field twice", MAP, "\n  A (0; R)\n    X 0\n    x 1\n", 3, "second field x", "each name once"),
    ("initial too big", MAP, "\n  A (0; R)\n    X 1:0 100b\n", 2, "0x4 in 2 bits", "at most 0x3"),
    (
        "value too big",
        MAP,
        "\n  A (0; R)\n    X 1:0\n      4 = Four\n",
        3,
        "0x4 of X",
        "at most 0x3",
    ),
    (
        "value twice",
        MAP,
        "\n  A (0; R)\n    X 1:0\n      1 = One\n      1 = Un\n",
        4,
        "0x1 twice, already One",
        "each value once",
    ),
    (
        "value name twice",
        MAP,
        "\n  A (0; R)\n    X 1:0\n      1 = One\n      2 = one\n",
        4,
        "'one'",
        "names that differ",
    ),
    ("register twice", MAP, "\n  A (0; R)\n  a (4; R)\n", 2, "second register a", "each name once"),
    (
        "address twice",
        MAP,
        "\n  A (0; R/W)\n  B (0; R)\n",
        2,
        "B at 0x0, where A is",
        "one register to read",
    ),
    (
        "written twice",
        MAP,
        "\n  A (0; W)\n  B (0; W)\n",
        2,
        "B at 0x0, where A is",
        "one register to write",
    ),
    (
        "array runs into",
        MAP,
        "\n  A[4] (0 + 4*n; R)\n  B (0Ch; R)\n",
        2,
        "B at 0xc, where A is",
        "one register to read",
    ),
    ("unaligned", MAP, "\n  A (2; R)\n", 1, "A at 0x2", "multiple of 4"),
    ("count without stride", MAP, "\n  A[4] (0; R)\n", 1, "a count alone", "both count and stride"),
    (
        "stride without count",
        MAP,
        "\n  A (0 + 4*n; R)\n",
        1,
        "a stride alone",
        "both count and stride",
    ),
    ("stride too small", MAP, "\n  A[4] (0 + 2*n; R)\n", 1, "2 bytes apart", "at least 4"),
    ("odd width", PORTS, "\n  A (0; R; 12 bits)\n", 1, "12 bits", "8, 16, 32 or 64"),
    ("narrow in memory", MAP, "\n  A (0; R; 8 bits)\n", 1, "8 bits in memory", "32 bits"),
    (
        "reset and initial",
        MAP,
        "\n  A (0; R; reset 1)\n    X 0 1b\n",
        1,
        "beside initial values",
        "once",
    ),
    ("reset too big", PORTS, "\n  A (0; R; reset 100h)\n", 1, "0x100", "once"),
    ("when nothing", PORTS, "\n  A (0; R; when B.C = 1)\n", 1, "B.C = 1", "a field of this map"),
    (
        "when too big",
        PORTS,
        "\n  B (1; R)\n    C 0\n  A (0; R; when B.C = 2)\n",
        3,
        "B.C = 2",
        "a value that fits",
    ),
    ("name of a suffix", MAP, "\n  A (0; R)\n    MASK 0\n", 2, "'MASK'", "OFFSET, MASK"),
    (
        "gap in a record",
        RECORD,
        "\n  A (0; R; 32 bits)\n  B (8; R; 64 bits)\n",
        2,
        "B at 8",
        "at 4",
    ),
    ("array in a record", RECORD, "\n  A[2] (0 + 4*n; R)\n", 1, "A at 0", "side by side"),
]


@pytest.mark.parametrize(
    "call, text, line, found, expected", [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_refused(tmp_path, call, text, line, found, expected):
    error, path, first = refusal(tmp_path, call, text)
    assert error.span.path == path
    assert error.span.line == first + line, str(error)
    assert found in error.found
    assert expected in error.expected
    assert error.example
    assert str(error).startswith(f"{path}:{first + line}")


GOOD = "\n  A (0; R)\n"


@pytest.mark.parametrize(
    "call, found",
    [
        (MAP.replace('"memory"', '"usb"'), "bus 'usb'"),
        (MAP.replace('"small"', '"Small"'), "'Small'"),
        (MAP.replace("parts=", "ids=[PciId(0x8086, 0x10000, 'X')], parts="), "0x10000"),
        (
            MAP.replace("parts=", "ids=[PciId(1, 2, 'X'), PciId(1, 2, 'Y')], parts="),
            "0001:0002 twice",
        ),
        (RECORD.replace('"word"', '"a word"'), "'a word'"),
        (
            MAP.replace("parts=[", "parts=[Registers(bus='ports', text='''A (4; R)'''), "),
            "a in two parts",
        ),
    ],
)
def test_refused_outside_the_notation(tmp_path, call, found):
    error, path, _ = refusal(tmp_path, call, GOOD)
    assert found in error.found and error.span.path == path and error.expected and error.example
