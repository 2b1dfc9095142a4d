"""Each field that says how to draw does its work, in all endpoints that generate text."""

import pytest
import requests

PASSAGE = "one red two blue three green four "
CHAT = [{"role": "user", "content": "Say hello."}]


def post(hosted, path, body):
    return requests.post(hosted.url + path, json=body, timeout=120)


@pytest.fixture(scope="module")
def complete(hosted):
    def ask(**fields):
        body = {"prompt": (PASSAGE * 4).strip(), "max_tokens": 16, "temperature": 0} | fields
        answer = post(hosted, "/v1/completions", body)
        assert answer.status_code == 200, answer.text
        return answer.json()["choices"][0]

    return ask


@pytest.fixture(scope="module")
def chat(hosted):
    def ask(**fields):
        body = {"messages": CHAT, "max_tokens": 60, "temperature": 0} | fields
        answer = post(hosted, "/v1/chat/completions", body)
        assert answer.status_code == 200, answer.text
        return answer.json()["choices"][0]

    return ask


def words(text):
    return text.split()


def test_a_passage_is_repeated_unless_something_is_said_against_it(complete):
    assert complete()["text"].startswith(" " + PASSAGE)


@pytest.mark.parametrize(
    "fields",
    [
        {"repeat_penalty": 50.0, "repeat_last_n": -1},
        {"presence_penalty": 50.0, "repeat_last_n": 1000},
        {"frequency_penalty": 50.0},
        {"dry_multiplier": 50.0},
        {"dry_multiplier": 50.0, "dry_base": 1.0, "dry_allowed_length": 5},
        {"dry_multiplier": 50.0, "dry_sequence_breakers": ["red two"]},
        {"xtc_probability": 1.0, "xtc_threshold": 0.0001},
        {"typical_p": 0.01, "prompt": "Once upon a time"},
    ],
    ids=str,
)
def test_what_changes_the_likeliest_text(complete, fields):
    plain = complete(**{key: value for key, value in fields.items() if key == "prompt"})
    assert complete(**fields)["text"] != plain["text"]


@pytest.mark.parametrize(
    "fields",
    [
        {"repeat_penalty": 50.0, "repeat_last_n": 0},
        {"presence_penalty": -50.0, "samplers": ["temperature"]},
        {"dry_multiplier": 50.0, "dry_penalty_last_n": 0},
        {"dry_multiplier": 50.0, "dry_allowed_length": 500},
        {"dry_multiplier": 50.0, "dry_sequence_breakers": [" "]},
        {"xtc_probability": 1.0, "xtc_threshold": 0.51},
        {"min_keep": 7, "top_p": 0.1, "top_k": 3},
        {"top_n_sigma": 1.0},
        {"dynatemp_exponent": 3.0},
        {"mirostat": 2},
        {"top_k": -1},
    ],
    ids=str,
)
def test_what_does_not(complete, fields):
    assert complete(**fields)["text"] == complete()["text"]


WARM = {"temperature": 2.0, "seed": 5, "prompt": "My favourite"}


@pytest.mark.parametrize(
    "fields",
    [
        {"top_n_sigma": 0.001},
        {"min_keep": 1, "top_p": 0.0},
        {"samplers": ["top_k"], "top_k": 1},
        {"samplers": "tk", "top_k": 1},
        {"dynatemp_range": 2.0, "dynatemp_exponent": 100.0},
        {"mirostat": 2, "mirostat_tau": 0.0, "mirostat_eta": 1.0},
    ],
    ids=str,
)
def test_what_leaves_the_likeliest_alone(complete, fields):
    assert complete(**WARM | fields)["text"] == complete(prompt="My favourite")["text"]


@pytest.mark.parametrize(
    "fields",
    [
        {"samplers": ["temperature"], "top_k": 1},
        {"samplers": "t", "top_k": 1},
        {"min_keep": 50, "top_p": 0.0},
        {"mirostat": 1},
        {"mirostat": 2, "top_k": 1},
        {"temperature": 0, "dynatemp_range": 2.0, "dynatemp_exponent": 0.1},
    ],
    ids=str,
)
def test_what_leaves_a_choice(complete, fields):
    texts = {complete(**WARM | {"seed": seed} | fields)["text"] for seed in range(3)}
    assert len(texts) > 1 and complete(**WARM | fields) == complete(**WARM | fields)


def test_temperature_may_come_before_filters(complete):
    """Then a high one lets in more: what top_p leaves is another text with the same seed."""
    rules = WARM | {"top_p": 0.9, "max_tokens": 30}
    first = complete(**rules, samplers=["temperature", "top_p"])
    last = complete(**rules, samplers=["top_p", "temperature"])
    assert first["text"] != last["text"] and last == complete(**rules)


def test_penalties_hold_for_all_that_was_said(complete):
    """As long as they look back."""
    rules = {"presence_penalty": 100, "repeat_last_n": -1, "ignore_eos": True}
    said = words(complete(**rules, max_tokens=40)["text"])
    assert len(said) == len(set(said)) > 10


def test_seed_minus_one_is_another_each_time(complete):
    assert len({complete(**WARM | {"seed": -1})["text"] for _ in range(4)}) > 1


def tokens_of(hosted, text):
    return post(hosted, "/tokenize", {"content": text}).json()["tokens"]


def test_biases_add_and_forbid(hosted, complete):
    """By number or as text, as an object, in pairs or as objects of both."""
    whole = complete()["text"]
    first, second = tokens_of(hosted, whole)[:2]
    word = " " + words(whole)[0]
    bans = [{str(first): -100}, {str(first): False}, [[first, -100]], [[first, False]]]
    bans += [{word: -100.0}, [[word, False]], [[word, -50], [first, -50]]]
    bans += [[{"token": first, "bias": -100}], [{"token": first, "bias": -60}, [first, -60]]]
    texts = {complete(logit_bias=each, max_tokens=4)["text"] for each in bans}
    assert len(texts) == 1 and not texts.pop().startswith(word)
    assert complete(logit_bias={str(second): 0.0}) == complete(logit_bias={}) == complete()
    only = complete(logit_bias={str(first): 1000, str(second): -100}, max_tokens=3)["text"]
    assert only == word * 3


def test_all_that_was_banned_stays_away(complete):
    """At any temperature."""
    banned = [" " + each for each in sorted(set(words(PASSAGE)))]
    answer = complete(logit_bias=dict.fromkeys(banned, -100), temperature=2, max_tokens=60)
    assert not set(words(PASSAGE)) & set(words(answer["text"])[1:-1])


def test_what_was_taken_is_told_and_can_be_sent_again(hosted):
    """By llama.cpp's endpoint: all rules, and the seed that was drawn."""
    body = {"prompt": "My favourite", "n_predict": 8, "temperature": 1.5, "min_p": 0.0}
    first = post(hosted, "/completion", body).json()
    settings = first["generation_settings"]
    assert settings["samplers"][0] == "penalties" and len(settings["samplers"]) == 9
    assert settings["dry_sequence_breakers"] == ["\n", ":", '"', "*"]
    assert (settings["top_k"], settings["typical_p"], settings["repeat_last_n"]) == (40, 1, 64)
    assert 0 <= settings["seed"] < 2**53
    again = post(hosted, "/completion", settings | {"prompt": "My favourite"}).json()
    assert again["content"] == first["content"]


def test_biases_are_told_by_token(hosted):
    """However they were given; and what is told can be sent again."""
    body = {"prompt": "The capital of France is", "n_predict": 4, "temperature": 0}
    assert post(hosted, "/completion", body).json()["generation_settings"]["logit_bias"] == []
    (word,) = tokens_of(hosted, " Paris")
    biases = {" Paris": -1.5, "198": False}
    first = post(hosted, "/completion", body | {"logit_bias": biases}).json()
    told = first["generation_settings"]["logit_bias"]
    assert told == [{"token": word, "bias": -1.5}, {"token": 198, "bias": -100}]
    again = post(hosted, "/completion", body | {"logit_bias": told}).json()
    assert again["content"] == first["content"]
    assert again["generation_settings"]["logit_bias"] == told


def test_ends_can_be_forbidden(chat):
    free = chat()
    assert free["finish_reason"] == "stop"
    assert chat(ignore_eos=True)["finish_reason"] == "length"
    longer = chat(min_tokens=40)
    assert longer["message"]["content"].startswith(free["message"]["content"])
    assert len(longer["message"]["content"]) > len(free["message"]["content"])


def test_chats_obey_the_same_rules(chat):
    assert chat(frequency_penalty=20.0, dry_multiplier=9.0) != chat()


@pytest.mark.parametrize(
    "field, value",
    [
        ("samplers", "xyz"),
        ("samplers", ["top_a"]),
        ("samplers", "k" * 17),
        ("dry_sequence_breakers", ["x" * 41]),
        ("adaptive_target", 0.3),
        ("top_k", -2),
        ("mirostat", 3),
        ("logit_bias", {"49152": 1}),
        ("logit_bias", {"": 1}),
        ("logit_bias", {"a": True}),
        ("logit_bias", [[1.5, 1]]),
        ("logit_bias", [[True, 1]]),
        ("logit_bias", [[1, "a"]]),
        ("logit_bias", [[1, 2, 3]]),
        ("logit_bias", [{"token": 49152, "bias": 1}]),
        ("logit_bias", [{"token": 1}]),
        ("logit_bias", {"a b " * 1000: 1}),
        ("logit_bias", {str(token): 1 for token in range(1025)}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_done_is_refused_by_name(hosted, field, value):
    body = {"prompt": "x", field: value}
    answer = post(hosted, "/v1/completions", body)
    assert answer.status_code == 400 and answer.json()["error"]["param"].startswith(field)
