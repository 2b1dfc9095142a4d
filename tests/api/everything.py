"""An API that uses every type; its one route's answer is the request again."""

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import (
    Array,
    Boolean,
    Enum,
    Field,
    Group,
    Ignored,
    Integer,
    Literal,
    Map,
    Number,
    Object,
    String,
    Union,
    Unsupported,
)

inner = Object(
    "inner",
    "A nested object.",
    Field("label", String(least=1, most=3), "Short text."),
    Field("weight", Number(least=-1), "At least -1.", default=0.5),
    Field("deep", Array(Array(Integer(least=0))), "Lists of integers.", required=False),
)

choice = Union(
    "choice",
    "One of many types.",
    text=String(most=5),
    flag=Boolean(),
    amount=Number(),
    object=inner,
    texts=Array(String(), least=1),
    tokens=Array(Integer(least=0, most=99), most=4),
    token_lists=Array(Array(Integer())),
)

shared = Group(
    "shared",
    "Members that objects share.",
    Field("volume", Number(least=0, most=1), "From 0 to 1.", default=0.5, nullable=True),
    Field("remark", String(), "Text or nothing.", required=False, nullable=True),
    Unsupported("forbidden", "it is shared by none", allow=(None, False)),
    Ignored("aside", "it changes nothing"),
)

everything = Object(
    "everything",
    "Every type once.",
    Field("text", String(), "Any text.", required=False),
    Field("bounded", String(least=2, most=4), "Two to four characters.", required=False),
    Field("flag", Boolean(), "True or false.", required=False),
    Field("count", Integer(least=-5, most=5), "A small integer.", required=False),
    Field("big", Integer(), "Any integer.", required=False),
    Field("positive", Integer(least=1), "An integer above 0.", required=False),
    Field("negative", Integer(most=-1), "An integer below 0.", required=False),
    Field("real", Number(), "Any number.", required=False),
    Field("share", Number(least=0, most=1), "From 0 to 1.", default=0.25, nullable=True),
    Field("low", Number(most=10), "Up to 10.", required=False),
    Field(
        "color",
        Enum("color", "red", "green", "greenish-blue", "greenish-red"),
        "A colour.",
        default="green",
    ),
    Field("only", Enum("only", "this"), "One value.", required=False),
    Field("empty_or_null", String(), "Text, null or nothing.", required=False, nullable=True),
    Field("whole_or_null", Integer(), "An integer or null.", required=False, nullable=True),
    Field("choice", choice, "One of many types.", required=False, nullable=True),
    Field("choices", Array(choice, most=3), "Several.", required=False),
    Field("inner", inner, "An object.", required=False),
    Field("inners", Array(inner), "Objects.", required=False),
    Field("numbers", Array(Number()), "Numbers.", required=False),
    Field("by_name", Map(Array(Integer(most=9))), "Lists of integers by any name.", required=False),
    Field("pair", Array(Boolean(), least=2, most=2), "Two.", required=False),
    Field("greeting", String(), "Text with a default.", default='h\u00e9 "?\\'),
    Unsupported("never", "it never works"),
    Unsupported("nearly", "it hardly works", allow=(None, False, 1, 2.5, "auto", [], {})),
    Ignored("whatever", "it changes nothing"),
    shared.with_defaults(volume=0.75),
)

counting = Object("counting", "What to count.", Field("most", Integer(least=0, most=9), "How far."))

counted = Object(
    "counted",
    "A number with those below it.",
    Field("number", Integer(bits=32), "The number."),
    Field("below", Array(Integer(bits=32), made=True), "Those below it."),
)

count_started = Object(
    "count_started", "The first event.", Field("type", Literal("count.started"), "Its name.")
)

count_ended = Object(
    "count_ended",
    "The last event.",
    Field("type", Literal("count.ended"), "Its name."),
    Field("last", counted, "The last number."),
)

api = Api(
    "everything",
    "Gives back what it gets.",
    Route(
        "POST /echo",
        "Echoes.",
        handler="handle_echo",
        request=everything,
        response=everything,
        stream=everything,
    ),
    Route(
        "POST /count",
        "Counts.",
        handler="handle_count",
        request=counting,
        response=Array(counted),
        stream=(count_started, count_ended),
        errors="anthropic",
    ),
)
