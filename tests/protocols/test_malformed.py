"""Every mistake in a wire header names its file and line, what was found, what was expected and an
example that is accepted."""

from __future__ import annotations

import pytest

from tests.notations import refusal

CALL = 'Protocol(name="small", title="Small", source="RFC 0", header=TEXT)'

# (what is wrong, notation, its line counted from the opening quotes as 0, found, expected)
CASES = [
    ("no colon", "\n  Port 16 bits\n", 1, "Port 16 bits", "a field (`Name: N bits`)"),
    ("no width", "\n  Port:\n", 1, "end of the line", "a whole number"),
    ("width in words", "\n  Port: sixteen bits\n", 1, "sixteen", "a whole number"),
    ("unknown unit", "\n  Port: 16 bytes\n", 1, "bytes", "`bits`"),
    ("unknown clause", "\n  A: 8 bits\n  B: 8 bits, maybe 4\n", 2, "maybe", "`must be N`"),
    ("must be a word", "\n  Version: 4 bits, must be four\n", 1, "four", "a number"),
    ("single dash", "\n  A: 8 bits - documentation\n", 1, "- documentation", "`-- documentation`"),
    ("value without equals", "\n  A: 8 bits\n    6 TCP\n", 2, "TCP", "`=`"),
    ("value without name", "\n  A: 8 bits\n    6 =\n", 2, "end of the line", "a name"),
    ("bit without number", "\n  A: 8 bits\n    bit = X\n", 2, "=", "a whole number"),
    (
        "rest of what",
        "\n  A: 8 bits\n  Options: rest of the frame\n",
        2,
        "frame",
        "`header` or `message`",
    ),
    ("length in nothing", "\n  A: 8 bits, header length in\n", 1, "end of the line", "octets"),
    (
        "option without shape",
        "\n  A: 8 bits\n  O: rest of the message\n option 1 = X\n",
        3,
        "option 1 = X",
        "followed by `:` or `,`",
    ),
    (
        "option of unknown shape",
        "\n  A: 8 bits\n  O: rest of the message\n option 1 = X: stuff\n",
        3,
        "stuff",
        "`nothing`",
    ),
    (
        "option length of what",
        "\n  A: 8 bits\n  O: rest of the message\n option length counts the header\n",
        3,
        "header",
        "`whole option` or `data`",
    ),
    ("nothing", "\n", 0, "header without fields", "at least one field"),
    ("no bits", "\n  A: 0 bits\n", 1, "0 bits", "at least one bit"),
    ("number too wide", "\n  A: 72 bits\n", 1, "72 bits", "at most 64 bits, or octets"),
    (
        "nine octets touched",
        "\n  A: 4 bits\n  B: 64 bits\n  C: 4 bits\n",
        2,
        "more than 8 octets",
        "within 8 octets",
    ),
    ("octets off boundary", "\n  A: 4 bits\n  B: 2 octets\n", 2, "at bit 4", "octet boundary"),
    ("rule on octets", "\n  A: 4 octets, must be 4\n", 1, "run of octets", "only on numbers"),
    (
        "part of an octet",
        "\n  A: 8 bits\n  B: 4 bits\n",
        2,
        "header of 12 bits",
        "whole number of octets",
    ),
    ("must be too big", "\n  A: 4 bits, must be 16\n", 1, "must be 16 in 4 bits", "at most 15"),
    (
        "initial too big",
        "\n  A: 8 bits, initially 256\n",
        1,
        "initially 256 in 8 bits",
        "at most 255",
    ),
    ("value too big", "\n  A: 8 bits\n    256 = X\n", 2, "value 256", "at most 255"),
    (
        "value twice",
        "\n  A: 8 bits\n    1 = X\n    1 = Y\n",
        3,
        "1 twice, already X",
        "each value once",
    ),
    ("value name twice", "\n  A: 8 bits\n    1 = A b\n    2 = A B\n", 3, "A B", "different name"),
    (
        "bit outside",
        "\n  A: 8 bits\n    bit 8 = X\n",
        2,
        "bit 8 of A",
        "bits 0 (most significant) to 7",
    ),
    ("bit twice", "\n  A: 8 bits\n    bit 1 = X\n    bit 1 = Y\n", 3, "bit 1 of A", "at most once"),
    ("field twice", "\n  Port: 8 bits\n  port: 8 bits\n", 2, "field 'port'", "different name"),
    (
        "field named check",
        "\n  A: 8 bits\n  Header Size: 8 bits\n",
        2,
        "'Header Size'",
        "other than check",
    ),
    ("field named set", "\n  A: 8 bits\n  Set A: 8 bits\n", 2, "'Set A'", "set_, put_, option_..."),
    (
        "field named rest",
        "\n  O Size: 8 bits\n  O: rest of the message\n",
        1,
        "'O Size'",
        "other than check",
    ),
    ("value before field", "\n  1 = X\n", 1, "below no field", "the field it belongs to"),
    (
        "field after rest",
        "\n  A: 8 bits\n  O: rest of the message\n  B: 8 bits\n",
        3,
        "after the options",
        "before `rest of",
    ),
    (
        "rest without length",
        "\n  A: 8 bits\n  O: rest of the header\n",
        0,
        "without a field that gives",
        "header length in",
    ),
    (
        "two lengths",
        "\n  A: 8 bits, header length in octets\n  B: 8 bits, header length in octets\n",
        2,
        "second header length",
        "one field",
    ),
    (
        "length too narrow",
        "\n  A: 2 bits, header length in octets\n  B: 62 bits\n",
        1,
        "2 bits for a header of 8 octets",
        "wide enough",
    ),
    (
        "unit does not divide",
        "\n  A: 8 bits, header length in 4 octets\n  B: 16 bits\n",
        1,
        "3 octets counted in units of 4",
        "divides the header",
    ),
    (
        "option number",
        "\n  A: 8 bits\n  O: rest of the message\n  option length counts the data\n  option 256 = X: 8 bits\n",
        4,
        "option 256",
        "0 to 255",
    ),
    (
        "option width",
        "\n  A: 8 bits\n  O: rest of the message\n  option length counts the data\n  option 1 = X: 12 bits\n",
        4,
        "12 bits",
        "8, 16 or 32 bits",
    ),
    (
        "nameless part",
        "\n  A: 8 bits\n  O: rest of the message\n  option length counts the data\n  option 1 = X: 8 bits, 8 bits\n",
        4,
        "nameless part",
        "a name for each",
    ),
    (
        "part twice",
        "\n  A: 8 bits\n  O: rest of the message\n  option length counts the data\n  option 1 = X: P 8 bits, P 8 bits\n",
        4,
        "one name for two parts",
        "different names",
    ),
    (
        "option twice",
        "\n  A: 8 bits\n  O: rest of the message\n  option length counts the data\n  option 1 = X: 8 bits\n  option 1 = Y: 8 bits\n",
        5,
        "option 1 twice, already X",
        "each number once",
    ),
    (
        "option name twice",
        "\n  A: 8 bits\n  O: rest of the message\n  option length counts the data\n  option 1 = X: 8 bits\n  option 2 = x: 8 bits\n",
        5,
        "option 'x'",
        "different name",
    ),
    (
        "uncounted options",
        "\n  A: 8 bits\n  O: rest of the message\n  option 1 = X: 8 bits\n",
        3,
        "what their length counts",
        "option length counts",
    ),
    (
        "homeless options",
        "\n  A: 8 bits\n  option length counts the data\n  option 1 = X: 8 bits\n",
        3,
        "without their place",
        "rest of the header",
    ),
    (
        "value of a list",
        "\n  A: 8 bits\n  O: rest of the message\n  option length counts the data\n  option 1 = X: list of 8 bits\n   1 = V\n",
        5,
        "a value of option X",
        "option of one number",
    ),
]


@pytest.mark.parametrize(
    "text, line, found, expected", [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_refused(tmp_path, text, line, found, expected):
    error, path, first = refusal(tmp_path, CALL, text)
    assert error.span.path == path
    assert error.span.line == first + line
    assert found in error.found
    assert expected in error.expected
    assert error.example
    assert str(error).startswith(f"{path}:{first + line}")


def test_bad_name(tmp_path):
    error, _, _ = refusal(tmp_path, CALL.replace("small", "Small!"), "\n  A: 8 bits\n")
    assert "Small!" in error.found and 'name="tcp"' in error.example
