"""POST /v1/completions."""

from tests.differential.question import ABSENT, changed, post, varied
from tests.differential.questions.sampling import BRIEF, GREEDY

PATH = "/v1/completions"
BASE = {"prompt": "The capital of France is", "max_tokens": 8, **GREEDY}
COUNTED = {"stream": True, "stream_options": {"include_usage": True}}

QUESTIONS = (
    changed(PATH, BASE, {}),
    *varied(PATH, BASE, BRIEF),
    *varied(
        PATH,
        BASE,
        {
            "prompt": [
                ABSENT,
                None,
                "",
                5,
                {},
                [],
                [504, 3575],
                [504, 999999],
                ["One two", "Three four"],
                [[504, 3575], [504]],
                [[]],
            ],
            "max_tokens": [0, 1, -2, 1.5, "8", []],
            "temperature": ["0", -1, None],
            "n": [1, 2, 0, -1, 1000, "x"],
            "best_of": [1, 2, 0, "x"],
            "echo": [True, False, "x"],
            "logprobs": [0, 2, 5, 6, -1, "x", None],
            "suffix": ["", "end", None],
            "user": ["me", 5],
            "model": ["nonsense", "", 5, None],
            "stream": ["x"],
            "stream_options": [{"include_usage": True}, {}, None, "x"],
            "response_format": [{"type": "text"}, {"type": "nonsense"}, "x"],
            "return_tokens": [True],
            "response_fields": [["choices"]],
        },
    ),
    changed(PATH, BASE, {"stream": True}),
    changed(PATH, BASE, COUNTED),
    changed(PATH, BASE, {"stream": True, "stream_options": {"include_usage": False}}),
    changed(PATH, BASE, {"stream": True, "stream_options": {"include_usage": "x"}}),
    changed(PATH, BASE, {"stream": True, "max_tokens": 0}),
    changed(PATH, BASE, {"stream": True, "n": 2}),
    changed(PATH, BASE, {"stream": True, "logprobs": 2}),
    changed(PATH, BASE, {"stream": True, "stop": [" the"]}),
    changed(PATH, BASE, {"stream": True, "timings_per_token": True}),
    changed(PATH, BASE, {"stream": True, "return_progress": True}),
    changed(PATH, BASE, {"stream": True, "prompt": ["One two", "Three four"]}),
    post(PATH, {**BASE, "prompt": "word " * 20000}, "a prompt beyond the context"),
)
