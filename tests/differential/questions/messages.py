"""POST /v1/messages and POST /v1/messages/count_tokens, which are Anthropic's."""

from tests.differential.question import ABSENT, changed, varied
from tests.differential.questions.sampling import GREEDY

PATH = "/v1/messages"
COUNT = "/v1/messages/count_tokens"
USER = {"role": "user", "content": "What is the capital of France?"}
BLOCK = {"type": "text", "text": "Say one."}
BASE = {"messages": [USER], "max_tokens": 8, **GREEDY}

CONVERSATIONS = [
    ABSENT,
    [],
    "x",
    [{}],
    [{"role": "user"}],
    [{"role": "user", "content": 5}],
    [{"role": "user", "content": []}],
    [{"role": "user", "content": [BLOCK, {"type": "text", "text": " Say two."}]}],
    [{"role": "user", "content": [{"type": "nonsense"}]}],
    [{"role": "nonsense", "content": "Hello"}],
    [USER, {"role": "assistant", "content": "Paris."}, {"role": "user", "content": "Why?"}],
    [USER, {"role": "assistant", "content": "The capital is"}],
]

QUESTIONS = (
    changed(PATH, BASE, {}),
    *varied(
        PATH,
        BASE,
        {
            "messages": CONVERSATIONS,
            "max_tokens": [1, 0, -1, "8", ABSENT],
            "system": ["Be brief.", [{"type": "text", "text": "Be brief."}], 5, ""],
            "stop_sequences": [[" Paris"], [], "x", [5]],
            "temperature": ["0", None],
            "top_k": [1, "x"],
            "top_p": [0.5],
            "metadata": [{"user_id": "x"}],
            "thinking": [{"type": "disabled"}, {"type": "enabled", "budget_tokens": 100}],
            "tools": [[], [{"name": "f", "input_schema": {"type": "object"}}]],
            "tool_choice": [{"type": "auto"}],
            "model": ["nonsense", 5],
            "stream": ["x"],
        },
    ),
    changed(PATH, BASE, {"stream": True}),
    changed(PATH, BASE, {"stream": True, "stop_sequences": [" Paris"]}),
    changed(PATH, BASE, {"stream": True, "messages": []}),
    *varied(COUNT, {"messages": [USER]}, {"messages": [[USER], *CONVERSATIONS]}),
    changed(COUNT, {"messages": [USER]}, {"system": "Be brief."}),
)
