"""POST /v1/responses and POST /v1/responses/input_tokens."""

from tests.differential.question import ABSENT, changed, varied
from tests.differential.questions.sampling import GREEDY

PATH = "/v1/responses"
COUNT = "/v1/responses/input_tokens"
ASKED = "What is the capital of France?"
USER = {"role": "user", "content": ASKED}
BASE = {"input": ASKED, "max_output_tokens": 8, **GREEDY}

INPUTS = [
    ABSENT,
    None,
    "",
    5,
    [],
    [USER],
    [{"type": "message", **USER}],
    [{"role": "user", "content": [{"type": "input_text", "text": ASKED}]}],
    [{"role": "user", "content": [{"type": "nonsense", "text": ASKED}]}],
    [{"role": "user"}],
    [{"role": "nonsense", "content": "x"}],
    [{"role": "system", "content": "Be brief."}, USER],
    [USER, {"role": "assistant", "content": "Paris."}, {"role": "user", "content": "Why?"}],
]

QUESTIONS = (
    changed(PATH, BASE, {}),
    *varied(
        PATH,
        BASE,
        {
            "input": INPUTS,
            "instructions": ["Be brief.", 5, None],
            "max_output_tokens": [1, 0, "8"],
            "temperature": ["0", None],
            "top_p": [0.5],
            "metadata": [{"a": "b"}, "x"],
            "store": [False],
            "previous_response_id": ["resp_1", None],
            "tools": [[]],
            "tool_choice": ["auto"],
            "reasoning": [{"effort": "low"}, {}],
            "text": [{"format": {"type": "text"}}, {"format": {"type": "nonsense"}}],
            "truncation": ["disabled", "auto", "nonsense"],
            "top_logprobs": [2],
            "model": ["nonsense", 5],
            "stream": ["x"],
        },
    ),
    changed(PATH, BASE, {"stream": True}),
    changed(PATH, BASE, {"stream": True, "input": 5}),
    *varied(COUNT, {"input": ASKED}, {"input": [ASKED, *INPUTS]}),
    changed(COUNT, {"input": ASKED}, {"instructions": "Be brief."}),
)
