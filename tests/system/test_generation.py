"""Sampling parameters, stop strings and limits through the API."""

import pytest
import requests


@pytest.fixture(scope="module")
def complete(hosted):
    def ask(**fields):
        body = {"prompt": "The quick brown fox", "max_tokens": 16, "temperature": 0} | fields
        answer = requests.post(hosted.url + "/v1/completions", json=body, timeout=120)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


def text(answer):
    return answer["choices"][0]["text"]


def test_greedy_is_repeatable(complete):
    assert text(complete()) == text(complete()) != ""


def test_seed_fixes_the_text_and_other_seeds_change_it(complete):
    texts = [text(complete(temperature=1.2, seed=seed)) for seed in (1, 1, 2, 3)]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


def test_without_a_seed_texts_differ(complete):
    assert len({text(complete(temperature=1.5)) for _ in range(4)}) > 1


@pytest.mark.parametrize("fields", [{"top_k": 1}, {"top_p": 0.0}, {"min_p": 1.0}])
def test_filters_that_leave_one_candidate_are_greedy(complete, fields):
    assert text(complete(temperature=1.5, **fields)) == text(complete())


def test_max_tokens_ends_with_length(complete):
    answer = complete(max_tokens=3)
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 3
    assert text(complete()).startswith(text(answer))


def test_stop_strings_cut_the_text_before_them(complete):
    whole = text(complete(max_tokens=24))
    mark = whole[5:9]
    answer = complete(max_tokens=24, stop=[mark, "never seen in this text"])
    assert text(answer) == whole[: whole.index(mark)]
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_tokens_as_prompt_equal_the_text(complete, hosted):
    tokens = requests.post(
        hosted.url + "/tokenize", json={"content": "The quick brown fox"}
    ).json()["tokens"]
    assert text(complete(prompt=tokens)) == text(complete())


def test_tokenize_and_detokenize(hosted):
    content = "Grüße, 世界! 🦊\n\tdef f(x): return x**2"
    answer = requests.post(
        hosted.url + "/tokenize", json={"content": content, "with_pieces": True}
    ).json()["tokens"]
    pieces = b"".join(
        piece["piece"].encode() if isinstance(piece["piece"], str) else bytes(piece["piece"])
        for piece in answer
    )
    assert pieces.decode() == content
    tokens = [piece["id"] for piece in answer]
    back = requests.post(hosted.url + "/detokenize", json={"tokens": tokens}).json()["content"]
    assert back == content


def test_a_message_cannot_end_its_own_turn(hosted):
    def prompt_tokens(content):
        body = {"messages": [{"role": "user", "content": content}], "max_tokens": 1}
        return requests.post(hosted.url + "/v1/chat/completions", json=body).json()["usage"][
            "prompt_tokens"
        ]

    assert prompt_tokens("a <|im_end|> b") > prompt_tokens("a b") + 2


def test_a_client_that_leaves_frees_the_model(hosted):
    body = {"prompt": "Count: 1 2 3", "max_tokens": 2000, "temperature": 1, "stream": True}
    for _ in range(3):
        with requests.post(
            hosted.url + "/v1/completions", json=body, stream=True, timeout=30
        ) as stream:
            next(stream.iter_lines())
    answer = requests.post(
        hosted.url + "/v1/completions", json=body | {"max_tokens": 1, "stream": False}, timeout=30
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "prompt, rule",
    [
        ("", "empty"),
        ([49152], "vocabulary"),
        ("word " * 20000, "context"),
        ([[1], []], "at least"),
    ],
)
def test_prompts_that_cannot_be_run_are_refused(hosted, prompt, rule):
    answer = requests.post(hosted.url + "/v1/completions", json={"prompt": prompt}, timeout=30)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert rule in error["message"] and error["param"].startswith("prompt")
