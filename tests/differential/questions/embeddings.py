"""POST /embedding, /embeddings and /v1/embeddings."""

from tests.differential.question import ABSENT, changed, varied

PATH = "/v1/embeddings"
INPUTS = [
    ABSENT,
    None,
    "",
    "One two",
    5,
    [],
    {},
    ["One two", "Three four"],
    [504, 3575],
    [504, 999999],
    [[504, 3575], [504]],
    [""],
    [[]],
]

QUESTIONS = (
    *varied(
        PATH,
        {"input": "Hello there"},
        {
            "input": INPUTS,
            "encoding_format": ["float", "base64", "nonsense", None, 5],
            "dimensions": [16, 0, "x"],
            "model": ["nonsense", 5],
            "user": ["me"],
            "unknown_field": [1],
        },
    ),
    *varied(
        "/embedding",
        {"content": "Hello there"},
        {
            "content": INPUTS,
            "embd_normalize": [2, 0, 1, -1, "x"],
            "encoding_format": ["float", "base64"],
        },
    ),
    changed("/embedding", {}, {"input": "Hello there"}),
    changed("/embeddings", {}, {"content": "Hello there"}),
    changed("/embeddings", {}, {"input": ["Hello", "there"]}),
)
