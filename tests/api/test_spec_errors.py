"""One table of specs that cannot mean anything, and what is said about each."""

from __future__ import annotations

from pathlib import Path

import pytest

from cllm_gen.lower.api.outputs import outputs
from cllm_gen.source import SpecError
from cllm_gen.spec.api import Surface
from tests.api.specs_in import load

ROUTE = (
    'api = Api("a", "A.", Route({}, "Summary.", handler="handle_a", response=Object("o", "O.")))\n'
)
FIELD = 'o = Object("o", "O.", {})\n'

# Text of a spec from its third line: (line, column or 0, what was found, what was expected).
ERRORS = {
    ROUTE.format('"FETCH /a"'): (
        3,
        "'F' at column 1 of route 'FETCH /a'",
        "a method (GET, POST, PUT, DELETE, PATCH)",
    ),
    ROUTE.format('"GET/a"'): (3, "'/' at column 4 of route 'GET/a'", "a space"),
    ROUTE.format('"GET a"'): (3, "'a' at column 5 of route 'GET a'", "'/'"),
    ROUTE.format('"GET "'): (3, "the end of route 'GET '", "'/'"),
    ROUTE.format('"GET /a/"'): (3, "the end of route 'GET /a/'", "'{' or literal text"),
    ROUTE.format('"GET //a"'): (3, "'/' at column 6", "literal text"),
    ROUTE.format('"GET /a b"'): (3, "' ' at column 7", "'/' or the end"),
    ROUTE.format('"GET /{}"'): (3, "'}' at column 7", "a parameter name"),
    ROUTE.format('"GET /{A}"'): (
        3,
        "'A' at column 7",
        "a parameter name (lower case letters, digits, '_')",
    ),
    ROUTE.format('"GET /{a"'): (3, "the end of route 'GET /{a'", "'}'"),
    ROUTE.format('"GET /a{b}"'): (3, "'{' at column 7", "'/' or the end"),
    ROUTE.format('"GET /{a}b"'): (3, "'b' at column 9", "'/' or the end"),
    ROUTE.format('"GET /a?b=1"'): (3, "'?' at column 7", "'/' or the end"),
    ROUTE.format('"GET /é"'): (3, "'é' at column 6", "literal text"),
    ROUTE.format('""'): (3, "the end of route ''", "a method"),
    ROUTE.format("5"): (3, "route 5", "a method and a path in one string"),
    ROUTE.format('"GET /a"').replace("handler=", 'aliases="/b", handler='): (
        3,
        "aliases='/b'",
        "a list of paths",
    ),
    ROUTE.format('"GET /a"').replace("handler=", 'aliases=["GET /b"], handler='): (
        3,
        "alias 'GET /b'",
        "a path without a method",
    ),
    ROUTE.format('"GET /a/{b}"').replace("handler=", 'aliases=["/a"], handler='): (
        3,
        "alias '/a' of 'GET /a/{b}'",
        "the same parameters: b",
    ),
    ROUTE.format('"GET /a"').replace("handler=", 'aliases=["/b/"], handler='): (
        3,
        "the end of route 'GET /b/'",
        "literal text",
    ),
    ROUTE.format('"GET /a"').replace("handler=", 'aliases=["/a"], handler='): (
        3,
        "route 'GET /a', which answers the same requests as 'GET /a'",
        "each method and path once",
    ),
    ROUTE.format('"GET /{a}/{a}"'): (3, "parameters a, a", "each name once"),
    ROUTE.format('"GET /{a}/{b}/{c}/{d}/{e}"'): (
        3,
        "parameters a, b, c, d, e",
        "at most 4 parameters",
    ),
    'api = Api("a", "A.", Route("GET /", "", handler="handle_a", response=Object("o", "O.")))': (
        3,
        "route 'GET /' without a summary",
        "a sentence",
    ),
    'api = Api("a", "A.", Route("GET /", "S.", handler="a", response=Object("o", "O.")))': (
        3,
        "handler 'a'",
        "a C function named handle_...",
    ),
    'api = Api("a", "A.", Route("GET /", "S.", handler="handle_a", response=String()))': (
        3,
        "response=String(least=0, most=None) of 'GET /'",
        "an Object",
    ),
    'o = Object("o", "O.")\napi = Api("a", "A.", Route("GET /", "S.", handler="handle_a", request=o, response=o))': (
        4,
        "a request body on 'GET /'",
        "POST, PUT or PATCH",
    ),
    'api = Api("A", "A.")': (3, "api name 'A'", "a lower-case identifier"),
    'api = Api("a", "")': (3, "api 'a' without a summary", "a sentence"),
    'api = Api("a", "A.")': (3, "api 'a' without routes", "one Route or more"),
    'api = Api("a", "A.", 5)': (3, "5 in api 'a'", "a Route"),
    FIELD.format('Field("a b", String(), "D.")'): (
        3,
        "field name 'a b'",
        "letters, digits and '_'",
    ),
    FIELD.format('Field("a", str, "D.")'): (
        3,
        "field 'a' of type <class 'str'>",
        "one of String, Boolean",
    ),
    FIELD.format('Field("a", String(), "")'): (3, "field 'a' without a description", "a sentence"),
    FIELD.format('Field("a", Integer(most=5), "D.", default=6)'): (
        3,
        "default 6 of field 'a'",
        "a number from -9223372036854775808 to 5",
    ),
    FIELD.format('Field("a", Integer(), "D.", default=1.5)'): (
        3,
        "default 1.5 of field 'a'",
        "a number from",
    ),
    FIELD.format('Field("a", Boolean(), "D.", default=1)'): (
        3,
        "default 1 of field 'a'",
        "True or False",
    ),
    FIELD.format('Field("a", Enum("e", "x"), "D.", default="y")'): (
        3,
        "default 'y' of field 'a'",
        "one of 'x'",
    ),
    FIELD.format('Field("a", Array(String()), "D.", default=[])'): (
        3,
        "default [] of field 'a'",
        "no default",
    ),
    FIELD.format('Field("a", String(), "D.", default="", required=True)'): (
        3,
        "field 'a' both required and with a default",
        "one of the two",
    ),
    FIELD.format('\n    Field("a", String(), "D."),\n    Field("a", String(), "D."),\n'): (
        5,
        "a second field 'a' in object 'o'",
        "(first on line 4)",
    ),
    FIELD.format('Field("a", String(), "D."), Field("A", String(), "D.")'): (
        3,
        "a second field 'A'",
        "each name once, whatever its case",
    ),
    FIELD.format('Field("a", String(), "D."), Field("has_a", String(), "D.")'): (
        3,
        "a second field 'has_a'",
        "no has_ before it",
    ),
    FIELD.format('"a"'): (3, "'a' in object 'o'", "Field, Unsupported, Ignored or Group"),
    FIELD.format(
        'Field("a", String(), "D."), Group("g", "G.", Field("a", String(), "D.", default=""))'
    ): (
        3,
        "a second field 'a'",
        "each name once",
    ),
    'g = Group("g", "G.", Field("a", String(), "D."))\n': (
        3,
        "required field 'a' in group 'g'",
        "fields with a default or required=False",
    ),
    'g = Group("g", "G.", Unsupported("a", "never"))\n': (
        3,
        "group 'g' without a field",
        "one Field",
    ),
    'g = Group("g", "G.", Field("a", String(), "D.", default="")).with_defaults(b="")\n': (
        3,
        "a default for 'b' of group 'g'",
        "fields that have one: a",
    ),
    'g = Group("g", "G.", Field("a", String(), "D.", default="")).with_defaults(a=1)\n': (
        3,
        "default 1 of field 'a'",
        "a string",
    ),
    FIELD.format('Unsupported("a", "")'): (3, "field 'a' without a reason", "why it is refused"),
    FIELD.format('Unsupported("a", "R", allow=None)'): (3, "allow=None", "a tuple of None"),
    FIELD.format('Unsupported("a", "R", allow=([1],))'): (3, "allow=([1],)", "a tuple of None"),
    FIELD.format('Ignored("a", "")'): (3, "Ignored('a', '')", "why it changes nothing"),
    'o = Object("switch", "O.")\n': (3, "object name 'switch'", "no C keyword"),
    'o = Object("buffer", "O.")\n': (3, "object name 'buffer'", "no struct of the kernel's"),
    'o = Object("Big", "O.")\n': (3, "object name 'Big'", "lower-case letters"),
    'o = Object("o", "")\n': (3, "object 'o' without a description", "a sentence"),
    'e = Enum("e")\n': (3, "Enum 'e' of []", "different strings"),
    'e = Enum("e", "a", "A")\n': (3, "Enum 'e' of ['a', 'A']", "different strings"),
    'e = Enum("e", "...")\n': (
        3,
        "Enum 'e' of ['...']",
        "different strings with letters or digits",
    ),
    "s = String(least=-1)\n": (3, "String with least=-1", "a number from 0"),
    "s = String(least=3, most=2)\n": (3, "String with least=3 above most=2", "least <= most"),
    's = Integer(least="a")\n': (3, "Integer with least='a'", "a number from"),
    "s = Integer(most=1 << 63)\n": (3, "Integer with most=9223372036854775808", "a number from"),
    "s = Array(5)\n": (3, "Array of type 5", "one of String"),
    "s = Array(String(), least=2, most=1)\n": (
        3,
        "Array with least=2 above most=1",
        "least <= most",
    ),
    'u = Union("u", "U.", a=String())\n': (3, "union 'u' of 1 types", "two or more"),
    'u = Union("u", "U.", a=String(), b=Enum("e", "x"))\n': (
        3,
        "alternatives 'a' and 'b' of union 'u', both string",
        "differ in their first byte",
    ),
    'u = Union("u", "U.", a=Integer(), b=Number())\n': (
        3,
        "alternatives 'a' and 'b' of union 'u', both number",
        "differ in their first byte",
    ),
    'u = Union("u", "U.", a=Array(Integer()), b=Array(Number()))\n': (
        3,
        "both array of number",
        "arrays whose elements do",
    ),
    'u = Union("u", "U.", kind=String(), b=Boolean())\n': (
        3,
        "alternative 'kind' of union 'u'",
        "not 'kind'",
    ),
    "i = Integer(bits=16)\n": (3, "Integer with bits=16", "32 or 64"),
    "m = Map(5)\n": (3, "Map of type 5", "one of String"),
    'api = Api("a", "A.", Route("GET /a", "S.", handler="handle_a", response=Array(String())))': (
        3,
        "response=Array(",
        "an Object, an Array of them, a Union or a Text",
    ),
    'o = Object("o", "O.", Field("type", String(), "T."))\n'
    'api = Api("a", "A.", Route("GET /a", "S.", handler="handle_a", response=o, stream=(o, o)))': (
        3,
        "event 'o' without a name, one of several in 'GET /a'",
        "a first field `type` that is a Literal",
    ),
    'o = Object("o", "O.", Field("x", String(), "X."))\n'
    'api = Api("a", "A.", Route("GET /a", "S.", handler="handle_a", response=o, stream_end=o))': (
        4,
        "of 'GET /a'",
        "an Object, beside a `stream` that is one",
    ),
    'api = Api("a", "A.", Route("GET /a", "S.", handler="handle_a", response=Object("o", "O."), errors="x"))': (
        3,
        "errors='x' of 'GET /a'",
        "one of openai, anthropic",
    ),
    'o = Object("o", "O.", Field("x", Array(String(), made=True), "X."))\n'
    'api = Api("a", "A.", Route("POST /a", "S.", handler="handle_a", request=o, response=o))': (
        3,
        "Array in request field o.x",
        "a type that can be read",
    ),
    # across specs
    'o = Object("o", "O.")\napi = Api("a", "A.",\n    Route("GET /{x}", "S.", handler="handle_a", response=o),\n'
    '    Route("GET /{y}", "S.", handler="handle_b", response=o),\n)': (
        6,
        "route 'GET /{y}', which answers the same requests as 'GET /{x}'",
        "each method and path once (first in specs/api/a.py:5:11)",
    ),
    'o = Object("o", "O.")\napi = Api("a", "A.",\n    Route("GET /a", "S.", handler="handle_a", response=o),\n'
    '    Route("GET /{y}", "S.", handler="handle_a", response=o),\n)': (
        6,
        "handler handle_a with other arguments than for 'GET /a'",
        "the same path parameters and request",
    ),
    'api = Api("a", "A.",\n    Route("GET /a", "S.", handler="handle_a", response=Object("o", "O.")),\n'
    '    Route("GET /b", "S.", handler="handle_b", response=Object("o", "P.")),\n)': (
        5,
        "a second schema named 'o'",
        "each name once (first in specs/api/a.py:4:63)",
    ),
    'o = Object("o", "O.", Field("items", Array(String()), "I."), Field("p", Object("o_items", "P."), "P."))\n'
    'api = Api("a", "A.", Route("GET /a", "S.", handler="handle_a", response=o))': (
        3,
        "two C types named 'o_items'",
        "names that differ",
    ),
    'o = Object("o", "O.", Field("x", Float(), "X."))\n'
    'api = Api("a", "A.", Route("POST /a", "S.", handler="handle_a", request=o, response=o))': (
        3,
        "Float in request field o.x",
        "a type that can be read",
    ),
}


@pytest.mark.parametrize("text", ERRORS, ids=lambda text: " ".join(text.split())[:70])
def test_errors(tmp_path: Path, text: str) -> None:
    line, found, expected = ERRORS[text]
    with pytest.raises(SpecError) as caught:
        outputs([load(tmp_path, "a", text)])
    error = caught.value
    assert error.span.path == "specs/api/a.py"
    assert error.span.line == line, str(error)
    assert found in error.found
    assert expected in error.expected
    shown = str(error)
    assert (
        shown.startswith(f"specs/api/a.py:{line}:")
        and "\n  expected: " in shown
        and "\n  example:  " in shown
    )
    assert error.example.strip()


def test_a_column_points_at_the_text(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load(tmp_path, "a", ROUTE.format('\n        "GET /a/"'))
    assert (caught.value.span.line, caught.value.span.column) == (4, 9)


def test_families_must_be_families() -> None:
    with pytest.raises(SpecError, match="families from specs/api"):
        Surface("small", "chat")
