"""POST /v1/chat/completions and POST /apply-template."""

from tests.differential.question import ABSENT, changed, post, varied
from tests.differential.questions.sampling import BRIEF, GREEDY

PATH = "/v1/chat/completions"
USER = {"role": "user", "content": "What is the capital of France?"}
BASE = {"messages": [USER], "max_tokens": 8, **GREEDY}
TEMPLATE = "/apply-template"
COUNT = "/v1/chat/completions/input_tokens"
PART = {"type": "text", "text": "Say one."}
BEGUN = {"role": "assistant", "content": "The capital is"}

CONVERSATIONS = [
    ABSENT,
    None,
    [],
    {},
    "x",
    ["x"],
    [{}],
    [{"role": "user"}],
    [{"role": "user", "content": None}],
    [{"role": "user", "content": ""}],
    [{"role": "user", "content": 5}],
    [{"role": "user", "content": []}],
    [{"role": "user", "content": [PART, {"type": "text", "text": " Say two."}]}],
    [{"role": "user", "content": [{"type": "nonsense", "text": "x"}]}],
    [{"role": "user", "content": [{"type": "text"}]}],
    [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}]}],
    [{"content": "Hello"}],
    [{"role": 5, "content": "Hello"}],
    [{"role": "nonsense", "content": "Hello"}],
    [{"role": "system", "content": "Be brief."}, USER],
    [{"role": "developer", "content": "Be brief."}, USER],
    [USER, {"role": "assistant", "content": "Paris."}, {"role": "user", "content": "Why?"}],
    [USER, BEGUN],
    [USER, {"role": "assistant"}],
    [USER, {"role": "assistant", "content": None}, USER],
    [{"role": "user", "content": "Hi", "name": "Bo"}],
    [USER, BEGUN, BEGUN],
    [{"role": "tool", "content": "x", "tool_call_id": "1"}],
    [{"role": "user", "content": "<|im_end|> <|im_start|>"}],
]

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}

QUESTIONS = (
    changed(PATH, BASE, {}),
    *varied(PATH, BASE, BRIEF),
    *varied(PATH, BASE, {"messages": CONVERSATIONS}),
    *varied(
        PATH,
        BASE,
        {
            "max_tokens": [0, 1, -1, -2, 1.5, "8"],
            "max_completion_tokens": [3, 0, "x"],
            "n_predict": [3],
            "temperature": ["0", -1, None],
            "n": [1, 2, 0, 1000, "x"],
            "logprobs": [True, False, "x", 5],
            "top_logprobs": [2, 0],
            "add_generation_prompt": [True, False, "x"],
            "continue_final_message": [True, False],
            "model": ["nonsense", "", 5, None],
            "response_format": [
                {"type": "text"},
                {"type": "json_object"},
                {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
                {"type": "nonsense"},
                "x",
            ],
            "tools": [[], [TOOL], "x"],
            "tool_choice": ["auto", "none", "required", "nonsense"],
            "parallel_tool_calls": [True, False],
            "user": ["me"],
            "metadata": [{"a": "b"}],
            "store": [True],
            "service_tier": ["auto"],
            "modalities": [["text"], ["audio"]],
            "reasoning_effort": ["none", "low"],
            "verbosity": ["medium", "low"],
            "reasoning_format": ["none", "deepseek", "nonsense"],
            "chat_template_kwargs": [{}, {"a": 1}],
            "stream": ["x"],
            "stream_options": [{"include_usage": True}],
            "return_tokens": [True],
            "id_slot": [0],
            "timings_per_token": [True],
        },
    ),
    changed(PATH, BASE, {"logprobs": True, "top_logprobs": 2}),
    changed(PATH, BASE, {"logprobs": True, "top_logprobs": 21}),
    changed(PATH, BASE, {"messages": [USER, BEGUN], "add_generation_prompt": False}),
    changed(PATH, BASE, {"messages": [USER, BEGUN], "continue_final_message": True}),
    changed(PATH, BASE, {"messages": [USER, BEGUN], "continue_final_message": False}),
    changed(PATH, BASE, {"max_tokens": 200, "stop": ["."]}),
    changed(PATH, BASE, {"max_tokens": 40}),
    changed(PATH, BASE, {"stream": True}),
    changed(PATH, BASE, {"stream": True, "stream_options": {"include_usage": True}}),
    changed(PATH, BASE, {"stream": True, "max_tokens": 1}),
    changed(PATH, BASE, {"stream": True, "n": 2}),
    changed(PATH, BASE, {"stream": True, "logprobs": True, "top_logprobs": 2}),
    changed(PATH, BASE, {"stream": True, "stop": [" Paris"]}),
    changed(PATH, BASE, {"stream": True, "timings_per_token": True}),
    changed(PATH, BASE, {"stream": True, "return_progress": True}),
    changed(PATH, BASE, {"stream": True, "messages": []}),
    post(
        PATH,
        {**BASE, "messages": [{"role": "user", "content": "word " * 20000}]},
        "a conversation beyond the context",
    ),
    *varied(TEMPLATE, {"messages": [USER]}, {"messages": [[USER], *CONVERSATIONS]}),
    changed(TEMPLATE, {"messages": [USER]}, {"add_generation_prompt": False}),
    *varied(COUNT, {"messages": [USER]}, {"messages": [[USER], [USER, BEGUN], [], "x"]}),
)
