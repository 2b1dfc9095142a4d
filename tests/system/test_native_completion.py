"""The completion endpoint of llama.cpp's server, against the model."""

import json
import math
import time

import pytest
import requests

PROMPT = "The quick brown fox"


@pytest.fixture(scope="module")
def complete(hosted):
    def send(**fields):
        body = {"prompt": PROMPT, "n_predict": 6, "temperature": 0} | fields
        answer = requests.post(hosted.url + "/completion", json=body, timeout=120)
        assert answer.status_code == 200, answer.text
        if not body.get("stream"):
            return answer.json()
        lines = [
            line for line in answer.content.decode().split("\n\n") if line.startswith("data: ")
        ]
        assert "[DONE]" not in answer.text
        return [json.loads(line[6:]) for line in lines]

    return send


def test_the_whole_answer(complete):
    answer = complete(return_tokens=True, stop=["never seen"], seed=5, id_slot=1)
    assert answer["content"] and len(answer["tokens"]) == 6
    assert (answer["stop"], answer["truncated"], answer["index"], answer["id_slot"]) == (
        True,
        False,
        0,
        1,
    )
    assert answer["prompt"] == PROMPT
    assert (answer["tokens_predicted"], answer["tokens_evaluated"]) == (6, 4)
    assert (answer["stop_type"], answer["stopping_word"]) == ("limit", "")
    settings = answer["generation_settings"]
    assert (settings["n_predict"], settings["temperature"], settings["seed"]) == (6, 0, 5)
    assert (settings["top_k"], settings["top_p"], settings["min_p"]) == (40, 0.95, 0.05)
    assert settings["stop"] == ["never seen"]
    assert answer["timings"]["predicted_n"] == 6
    assert complete()["tokens"] == []


def test_every_shape_of_prompt_means_the_same(complete, hosted):
    tokens = requests.post(hosted.url + "/tokenize", json={"content": PROMPT}).json()["tokens"]
    text = complete()["content"]
    for prompt in (
        tokens,
        [*tokens[:2], " brown fox"],
        {"prompt_string": PROMPT},
        {"prompt_string": PROMPT, "multimodal_data": []},
    ):
        assert complete(prompt=prompt)["content"] == text
    several = complete(
        prompt=[PROMPT, tokens, [*tokens[:1], " quick", *tokens[2:]], {"prompt_string": PROMPT}]
    )
    assert [answer["content"] for answer in several] == [text] * 4
    assert [answer["index"] for answer in several] == [0, 1, 2, 3]
    assert complete(prompt=[[*tokens]])["content"] == text


@pytest.mark.parametrize(
    "prompt, rule",
    [
        ("", "empty"),
        ([1, ["a"]], "mixes tokens"),
        ([49152], "vocabulary"),
        ([[0, 49152]], "vocabulary"),
        ([], "at least"),
    ],
)
def test_prompts_that_cannot_be_are_refused(hosted, prompt, rule):
    answer = requests.post(hosted.url + "/completion", json={"prompt": prompt}, timeout=30)
    assert answer.status_code == 400 and rule in answer.json()["error"]["message"]


def test_what_ended_it(complete, hosted):
    text = complete(n_predict=24)["content"]
    mark = text[5:9]
    stopped = complete(n_predict=24, stop=["never seen", mark])
    assert (stopped["stop_type"], stopped["stopping_word"]) == ("word", mark)
    assert stopped["content"] == text[: text.index(mark)]
    chat = requests.post(
        hosted.url + "/apply-template",
        json={"messages": [{"role": "user", "content": "Say only: Yes."}]},
    ).json()["prompt"]
    assert complete(prompt=chat, n_predict=60)["stop_type"] == "eos"


def test_nothing_is_predicted_and_the_prompt_is_cached(complete):
    prompt = "A prompt that nobody else in these tests has: " + "seven " * 80
    first = complete(prompt=prompt, n_predict=0)
    assert (first["content"], first["tokens_predicted"]) == ("", 0)
    assert complete(prompt=prompt)["tokens_cached"] >= 64


def test_streams(complete):
    whole = complete(return_tokens=True)
    *events, last = complete(stream=True)
    assert "".join(event["content"] for event in events) == whole["content"]
    assert [token for event in events for token in event["tokens"]] == whole["tokens"]
    assert not any(event["stop"] for event in events) and last["stop"]
    assert last["content"] == "" and last["stop_type"] == "limit"
    assert all("timings" not in event for event in events)
    timed = complete(stream=True, timings_per_token=True)
    assert [event["timings"]["predicted_n"] for event in timed[:-1]] == [1, 2, 3, 4, 5, 6]


def test_progress_of_a_long_prompt(complete):
    events = complete(
        prompt="nine " * 900, stream=True, return_progress=True, n_predict=1, cache_prompt=False
    )
    progress = [event["prompt_progress"] for event in events if "prompt_progress" in event]
    done = [each["processed"] for each in progress]
    assert done and done == sorted(done)
    assert all(each["total"] >= 900 and each["cache"] == 0 for each in progress)
    assert done[-1] <= progress[-1]["total"]


def test_chances(complete):
    answer = complete(n_probs=3)
    told = answer["completion_probabilities"]
    assert len(told) == 6
    assert all(len(token["top_logprobs"]) == 3 and token["logprob"] <= 0 for token in told)
    after = complete(n_probs=3, post_sampling_probs=True, temperature=1, top_k=2, seed=1)
    for token in after["completion_probabilities"]:
        assert 0 < token["prob"] <= 1 and "logprob" not in token
        assert len(token["top_probs"]) <= 3
        assert math.isclose(sum(each["prob"] for each in token["top_probs"]), 1, rel_tol=1e-3)
    streamed = [
        token
        for event in complete(n_probs=3, stream=True)
        for token in event["completion_probabilities"]
    ]
    assert streamed == told
    assert "completion_probabilities" not in complete()


def test_several_answers(complete):
    answers = complete(n_cmpl=3, temperature=1.5, seed=9)
    assert [answer["index"] for answer in answers] == [0, 1, 2]
    assert [answer["generation_settings"]["seed"] for answer in answers] == [9, 10, 11]
    assert len({answer["content"] for answer in answers}) > 1


def test_fields_of_the_answer(complete):
    fields = [
        "content",
        "generation_settings/n_predict",
        "timings/predicted_n",
        "nothing",
        "content/x",
    ]
    answer = complete(response_fields=fields)
    assert answer == {
        "content": complete()["content"],
        "generation_settings/n_predict": 6,
        "timings/predicted_n": 6,
    }
    assert complete(response_fields=[]).keys() == complete().keys()
    assert complete(response_fields=["stop"], stream=True)[-1] == {"stop": True}


def test_a_time_limit_ends_after_a_line(complete):
    fields = {"prompt": "A list of words:\n\n1.", "n_predict": 400, "ignore_eos": True}
    started = time.monotonic()
    answer = complete(**fields, t_max_predict_ms=100)
    assert time.monotonic() - started < 60
    assert answer["tokens_predicted"] < 400 and answer["stop_type"] == "limit"
    assert answer["has_new_line"]


def test_settings_that_say_nothing_are_told_as_they_were_taken(complete):
    settings = complete(seed=None, logit_bias=None, samplers=None)["generation_settings"]
    assert isinstance(settings["seed"], int) and settings["logit_bias"] == []
    assert settings["samplers"][-1] == "temperature" and settings["dry_penalty_last_n"] == 64


def test_samplers_given_as_letters_are_told_by_name(complete):
    assert complete(samplers="kt")["generation_settings"]["samplers"] == ["top_k", "temperature"]


def test_no_limit_of_time_may_be_said_as_minus_one(complete):
    assert complete(t_max_predict_ms=-1)["content"] == complete()["content"]
