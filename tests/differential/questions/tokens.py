"""POST /tokenize and POST /detokenize."""

from tests.differential.question import ABSENT, changed, varied

QUESTIONS = (
    *varied(
        "/tokenize",
        {"content": "Hello there, Zürich 日本🙂"},
        {
            "content": [
                "Hello there, Zürich 日本🙂",
                "",
                " ",
                "<|im_start|>user",
                "a\u0000b",
                "\n\n\t  x",
                ABSENT,
                None,
                5,
                ["a", "b"],
                [1, "a"],
                {},
            ],
            "add_special": [True, False, "x", None],
            "parse_special": [True, False, "x", None],
            "with_pieces": [True, False, "x", None],
            "unknown_field": [1],
        },
    ),
    changed("/tokenize", {}, {"content": "<|im_start|>user", "parse_special": True}),
    changed("/tokenize", {}, {"content": "<|im_start|>user", "parse_special": False}),
    changed("/tokenize", {}, {"content": "<|im_start|>user", "with_pieces": True}),
    *varied(
        "/detokenize",
        {"tokens": [504, 3575]},
        {
            "tokens": [
                [504, 3575, 282],
                [],
                [1, 2],
                ABSENT,
                None,
                "x",
                [1.5],
                ["x"],
                [-1],
                [999999],
                [None],
                5,
                {},
            ]
        },
    ),
)
