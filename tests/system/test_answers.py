"""What requests may say of their answers, against the model: each field does what it says."""

import json
import math

import pytest
import requests

PROMPT = "The quick brown fox"


@pytest.fixture(scope="module")
def ask(hosted):
    """A function from path and fields to the answer's JSON, or to the response where it is an error."""

    def send(path, **fields):
        answer = requests.post(hosted.url + path, json=fields, timeout=120)
        return answer.json() if answer.status_code == 200 else answer

    return send


@pytest.fixture(scope="module")
def stream(hosted):
    """The same for streams: their events' JSON."""

    def send(path, **fields):
        answer = requests.post(hosted.url + path, json=fields | {"stream": True}, timeout=120)
        assert answer.status_code == 200, answer.text
        lines = [
            line for line in answer.content.decode().split("\n\n") if line.startswith("data: ")
        ]
        return [json.loads(line[6:]) for line in lines if line != "data: [DONE]"]

    return send


def greedy(**fields):
    return {"prompt": PROMPT, "temperature": 0} | fields


def chat(*contents, **fields):
    roles = ["user", "assistant"] * len(contents)
    messages = [{"role": role, "content": text} for role, text in zip(roles, contents)]
    return {"messages": messages, "temperature": 0, "max_tokens": 8} | fields


def test_a_conversation_is_counted_as_its_answer_counts_it(ask):
    for path in ("/v1/chat/completions/input_tokens", "/chat/completions/input_tokens"):
        counted = ask(path, **chat("Hi", "Hello", "How are you?"))
        answer = ask("/v1/chat/completions", **chat("Hi", "Hello", "How are you?"))
        assert counted["object"] == "response.input_tokens"
        assert counted["input_tokens"] == answer["usage"]["prompt_tokens"]
    assert ask("/responses/input_tokens", input="Hi")["input_tokens"] > 1


def test_n_answers_to_each_of_several_prompts(ask):
    fields = {"prompt": ["One two", "A B"], "n": 3, "max_tokens": 4, "temperature": 1.5, "seed": 7}
    answer = ask("/v1/completions", **fields)
    choices = answer["choices"]
    assert [choice["index"] for choice in choices] == list(range(6))
    assert len({choice["text"] for choice in choices[:3]}) > 1
    assert answer["usage"]["completion_tokens"] == 24
    again = ask("/v1/completions", **fields)["choices"]
    assert [choice["text"] for choice in again] == [choice["text"] for choice in choices]


def test_the_first_of_n_is_the_only_one_of_one(ask):
    fields = {"prompt": "One two", "max_tokens": 6, "temperature": 1.5, "seed": 7}
    one, three = (ask("/v1/completions", **fields, n=n)["choices"][0]["text"] for n in (1, 3))
    assert one == three


def test_streamed_choices_have_their_indices(ask, stream):
    fields = chat("Name a colour.", n=3, temperature=1.5, seed=3)
    whole = [
        choice["message"]["content"] for choice in ask("/v1/chat/completions", **fields)["choices"]
    ]
    texts, ends = ["", "", ""], []
    for event in stream("/v1/chat/completions", **fields):
        for choice in event["choices"]:
            texts[choice["index"]] += choice["delta"].get("content", "")
            ends += [choice["index"]] if choice["finish_reason"] else []
    assert texts == whole and sorted(ends) == [0, 1, 2]


def test_more_prompts_than_run_side_by_side(ask):
    prompts = [f"{number} is a number" for number in range(40)]
    answer = ask("/v1/completions", prompt=prompts, max_tokens=1, temperature=0)
    assert [choice["index"] for choice in answer["choices"]] == list(range(40))
    single = ask("/v1/completions", prompt=prompts[33], max_tokens=1, temperature=0)
    assert single["choices"][0]["text"] == answer["choices"][33]["text"]


def test_best_of_tells_the_likeliest(ask):
    fields = {"prompt": PROMPT, "max_tokens": 6, "temperature": 1.8, "seed": 5, "logprobs": 0}
    every = ask("/v1/completions", **fields, n=4)["choices"]
    best = ask("/v1/completions", **fields, n=2, best_of=4)["choices"]

    def merit(choice):
        values = choice["logprobs"]["token_logprobs"]
        return sum(values) / len(values)

    ranked = sorted(every, key=merit, reverse=True)
    assert [choice["text"] for choice in best] == [choice["text"] for choice in ranked[:2]]
    assert ask("/v1/completions", **fields, best_of=4)["usage"]["completion_tokens"] > 6


@pytest.mark.parametrize(
    "fields, param",
    [
        ({"n": 3, "best_of": 2}, "best_of"),
        ({"best_of": 2, "stream": True}, "best_of"),
        ({"echo": True, "logprobs": 1}, "logprobs"),
        ({"id_slot": 1000}, "id_slot"),
    ],
)
def test_what_cannot_be_is_named(ask, fields, param):
    error = ask("/v1/completions", prompt=PROMPT, **fields)
    assert (error.status_code, error.json()["error"]["param"]) == (400, param)


def test_echo_begins_with_the_prompt(ask, stream):
    plain = ask("/v1/completions", **greedy(max_tokens=4))["choices"][0]["text"]
    echoed = ask("/v1/completions", **greedy(max_tokens=4, echo=True))["choices"][0]["text"]
    assert echoed == PROMPT + plain
    events = stream("/v1/completions", **greedy(max_tokens=4, echo=True))
    assert "".join(event["choices"][0]["text"] for event in events) == echoed
    only = ask("/v1/completions", **greedy(max_tokens=0, echo=True))
    assert only["choices"][0]["text"] == PROMPT
    assert only["usage"]["completion_tokens"] == 0


def test_logprobs_of_a_chat(ask, stream):
    fields = chat("Name a colour.", logprobs=True, top_logprobs=3)
    choice = ask("/v1/chat/completions", **fields)["choices"][0]
    content = choice["logprobs"]["content"]
    assert "".join(token["token"] for token in content).startswith(choice["message"]["content"])
    for token in content:
        top = token["top_logprobs"]
        assert len(top) == 3 and top[0]["token"] == token["token"]
        assert [each["logprob"] for each in top] == sorted(
            (each["logprob"] for each in top), reverse=True
        )
        assert sum(math.exp(each["logprob"]) for each in top) <= 1.0001
        assert bytes(token["bytes"]).decode() == token["token"]
    streamed = [
        token
        for event in stream("/v1/chat/completions", **fields)
        for token in (event["choices"][0]["logprobs"] or {"content": []})["content"]
    ]
    assert streamed == content
    error = ask("/v1/chat/completions", **chat("Hi", top_logprobs=3))
    assert error.json()["error"]["param"] == "top_logprobs"


def test_logprobs_of_a_completion(ask):
    choice = ask("/v1/completions", **greedy(max_tokens=5, logprobs=2))["choices"][0]
    told = choice["logprobs"]
    assert "".join(told["tokens"]) == choice["text"]
    assert told["text_offset"] == [
        len("".join(told["tokens"][:index])) for index in range(len(told["tokens"]))
    ]
    for token, value, top in zip(told["tokens"], told["token_logprobs"], told["top_logprobs"]):
        assert len(top) == 2 and max(top.values()) == top[token] == value
    bare = ask("/v1/completions", **greedy(max_tokens=2, logprobs=0))["choices"][0]["logprobs"]
    assert bare["top_logprobs"] is None and len(bare["token_logprobs"]) == 2


def test_a_trailing_turn_of_the_assistant_is_gone_on_with(ask):
    begun = ask("/v1/chat/completions", **chat("Name a colour.", "My favourite"))
    rendered = ask("/apply-template", **chat("Name a colour.", "My favourite"))["prompt"]
    assert rendered.endswith("assistant\nMy favourite")
    same = ask("/v1/completions", prompt=rendered, temperature=0, max_tokens=8)
    assert begun["choices"][0]["message"]["content"] == same["choices"][0]["text"]


@pytest.mark.parametrize(
    "contents, fields, ending",
    [
        (("Hi",), {}, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"),
        (("Hi",), {"add_generation_prompt": False}, "<|im_start|>user\nHi<|im_end|>\n"),
        (("Hi", "Yo"), {}, "<|im_start|>assistant\nYo"),
        (("Hi", "Yo"), {"continue_final_message": True}, "<|im_start|>assistant\nYo"),
        (
            ("Hi", "Yo"),
            {"continue_final_message": True, "add_generation_prompt": False},
            "<|im_start|>assistant\nYo",
        ),
        (
            ("Hi", "Yo"),
            {"continue_final_message": False},
            "<|im_start|>assistant\nYo<|im_end|>\n<|im_start|>assistant\n",
        ),
        (
            ("Hi", "Yo"),
            {"add_generation_prompt": False},
            "<|im_start|>assistant\nYo<|im_end|>\n",
        ),
    ],
)
def test_how_a_rendered_chat_ends(ask, contents, fields, ending):
    messages = chat(*contents)["messages"]
    assert ask("/apply-template", messages=messages, **fields)["prompt"].endswith(ending)


@pytest.mark.parametrize(
    "contents, fields",
    [
        (("Hi",), {"continue_final_message": True}),
        (("Hi", "Yo"), {"continue_final_message": True, "add_generation_prompt": True}),
    ],
)
def test_endings_that_cannot_be(ask, contents, fields):
    error = ask("/v1/chat/completions", **chat(*contents, **fields))
    assert error.json()["error"]["param"] == "continue_final_message"


def test_lengths_of_chats(ask):
    for name in ("max_tokens", "max_completion_tokens", "n_predict"):
        fields = {key: value for key, value in chat("Count to 9.").items() if key != "max_tokens"}
        answer = ask("/v1/chat/completions", **fields, **{name: 3}, ignore_eos=True)
        assert answer["usage"]["completion_tokens"] == 3


def test_min_tokens_and_ignore_eos_hold_ends_back(ask):
    plain = ask("/v1/chat/completions", **chat("Say only: Yes.", max_tokens=40))
    assert plain["choices"][0]["finish_reason"] == "stop"
    drawn = plain["usage"]["completion_tokens"]
    longer = ask(
        "/v1/chat/completions", **chat("Say only: Yes.", max_tokens=40, min_tokens=drawn + 5)
    )
    assert longer["usage"]["completion_tokens"] >= drawn + 5
    for_ever = ask("/v1/chat/completions", **chat("Say only: Yes.", max_tokens=40, ignore_eos=True))
    assert for_ever["usage"]["completion_tokens"] == 40


def test_a_prompt_that_exceeds_the_context_is_counted(ask):
    text = "word " * 20000
    tokens = len(ask("/tokenize", content=text)["tokens"])
    error = ask("/v1/completions", prompt=text).json()["error"]
    assert error["type"] == "exceed_context_size_error"
    assert (error["n_prompt_tokens"], error["n_ctx"]) == (tokens, 8192)
    error = ask("/v1/chat/completions", **chat(text)).json()["error"]
    assert error["n_prompt_tokens"] > tokens and error["n_ctx"] == 8192
    error = ask("/completion", prompt=[1, text]).json()["error"]
    assert error["n_prompt_tokens"] == tokens + 1


def test_the_fingerprint_is_the_same_everywhere(ask, stream):
    prints = {
        ask("/v1/completions", **greedy(max_tokens=1))["system_fingerprint"],
        ask("/v1/chat/completions", **chat("Hi"))["system_fingerprint"],
        ask("/completion", prompt="a", n_predict=1)["system_fingerprint"],
        *(event["system_fingerprint"] for event in stream("/v1/chat/completions", **chat("Hi"))),
    }
    (only,) = prints
    weights, kernels, image = only.split("-")
    assert len(weights) == 16 and kernels and len(image) == 8
