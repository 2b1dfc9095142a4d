"""That the comparison sees each kind of difference, and nothing where there is none."""

from __future__ import annotations

import json

import pytest

from tests.differential.accept import Chapter, Rule, judge
from tests.differential.accepted import CHAPTERS
from tests.differential.answer import Answer, read
from tests.differential.compare import KINDS, Difference, compare
from tests.differential.page import PAGE, page
from tests.differential.question import ABSENT, changed
from tests.differential.questions import QUESTIONS

SETTINGS = {"stop": ["a"], "seed": 7, "top_p": 0.95}
ANSWER = {"content": "Paris", "stop": True, "settings": SETTINGS, "timings": {"n": 1}, "more": None}


def answer(body, status: int = 200, media: str = "application/json") -> Answer:
    return read(status, media, json.dumps(body).encode())


def stream(*events) -> Answer:
    lines = [f"event: {name}\n" * bool(name) + f"data: {json.dumps(data)}" for name, data in events]
    return read(200, "text/event-stream", ("\n\n".join(lines) + "\n\n").encode())


def found(theirs: Answer, ours: Answer) -> list[str]:
    return [each.what for each in compare("q", theirs, ours)]


def test_the_same_answer_has_no_difference():
    assert not found(answer(ANSWER), answer(dict(reversed(ANSWER.items()))))


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"content": "London"}, "text content"),
        ({"content": 5}, "type content string number"),
        ({"content": None}, "type content string null"),
        ({"stop": 1}, "type stop boolean number"),
        ({"stop": False}, "value stop"),
        ({"added": {"deep": 1}}, "added added"),
        ({"settings": {"stop": ["a"], "top_p": 0.95}}, "missing settings.seed"),
        ({"settings": SETTINGS | {"top_p": 0.94}}, "value settings.top_p"),
        ({"settings": SETTINGS | {"stop": ["b"]}}, "value settings.stop[]"),
        ({"settings": SETTINGS | {"stop": ["a", "a"]}}, "value settings.stop[]"),
        ({"settings": []}, "type settings object array"),
    ],
)
def test_one_change_is_one_difference(change, expected):
    assert found(answer(ANSWER), answer(ANSWER | change)) == [expected]


@pytest.mark.parametrize(
    "change", [{"settings": SETTINGS | {"seed": 8}}, {"timings": {"n": 2}}, {"stop": True}]
)
def test_values_of_the_moment_are_not_compared(change):
    assert not found(answer(ANSWER), answer(ANSWER | change))


def test_numbers_are_compared_as_numbers():
    assert not found(answer({"a": 1, "b": 0.95}), answer({"a": 1.0, "b": 0.949999988079071}))


def test_a_status_hides_the_rest():
    assert found(answer(ANSWER), answer({"error": {}}, 400)) == ["status 200 400"]
    assert found(answer(ANSWER), answer(ANSWER, media="text/plain")) == [
        "media application/json text/plain"
    ]


def test_an_array_without_elements_says_nothing_of_them():
    assert not found(answer({"a": []}), answer({"a": [{"b": 1}]}))
    assert found(answer({"a": [{}]}), answer({"a": [{"b": 1}]})) == ["added a[].b"]


def test_a_stream_may_be_cut_differently():
    theirs = [("", {"content": piece, "stop": False}) for piece in ("Pa", "r", "is")]
    ours = [("", {"content": "Paris", "stop": False})]
    last = ("", {"content": "", "stop": True, "limit": 8})
    assert not found(stream(*theirs, last), stream(*ours, last))
    assert found(stream(*theirs, last), stream(*theirs[1:], last)) == ["text content"]
    assert found(stream(*theirs, last), stream(*theirs)) == ["missing limit", "value stop"]


def test_events_are_told_apart_by_name():
    one, other = ("one", {"a": 1}), ("other", {"a": "x"})
    assert not found(stream(one, other), stream(one, other))
    assert found(stream(one, other), stream(one)) == ["missing other"]
    assert found(stream(one), stream(("one", {"b": 1}))) == ["missing one.a", "added one.b"]


def test_answers_of_a_stream_may_be_interleaved():
    events = [("", {"index": at % 2, "content": text}) for at, text in enumerate("abcd")]
    assert not found(stream(*events), stream(*sorted(events, key=lambda each: each[1]["index"])))


def test_metrics_are_their_names_and_types():
    text = b"# HELP a_total x\n# TYPE a_total counter\na_total 5\n"
    other = text.replace(b"a_total", b"b")
    assert not found(read(200, "text/plain", text), read(200, "text/plain", text))
    assert found(read(200, "text/plain", text), read(200, "text/plain", other)) == [
        "missing a_total",
        "added b",
    ]


def test_rules_cover_by_question_and_by_kind():
    rule = Rule(("added a", "status 200 *"), "so it is", ('POST /x {"n":[1]}', "GET *"))
    spare = Rule(("missing *",), "not so")
    covered = [
        Difference('POST /x {"n":[1]}', "added", "a"),
        Difference("GET /y", "status", "", "200", "404"),
    ]
    other = [Difference("POST /x", "added", "a"), Difference("GET /y", "added", "ab")]
    verdict = judge([*covered, *other], (Chapter("All", (rule, spare)),))
    assert verdict.listed == {rule: covered, spare: []}
    assert verdict.unlisted == other
    assert verdict.unused == [(spare, "missing *"), (spare, "*")]


def test_each_pattern_of_a_rule_must_cover_something():
    rule = Rule(("added a", "added b"), "so it is", ("GET /x", "GET /y"))
    verdict = judge([Difference("GET /x", "added", "a")], (Chapter("All", (rule,)),))
    assert verdict.unused == [(rule, "added b"), (rule, "GET /y")]


def test_questions_have_names_of_their_own():
    names = [question.name for question in QUESTIONS]
    assert len(names) == len(set(names)) > 300


def test_a_field_can_be_left_out():
    question = changed("/x", {"a": 1, "b": 2}, {"a": ABSENT})
    assert question.body == b'{"b":2}' and question.name == 'POST /x {"a":"absent"}'


def test_the_page_is_what_the_list_says():
    """`python -m tests.differential.page` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == page(CHAPTERS)


def test_rules_name_kinds_and_give_reasons():
    rules = [rule for chapter in CHAPTERS for rule in chapter.rules]
    assert rules
    for rule in rules:
        assert all(what.split(" ")[0] in KINDS for what in rule.what), rule
        assert rule.because.endswith("."), rule
