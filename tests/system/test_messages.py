"""Anthropic's messages endpoint, against the model: shapes as its API reference has them."""

import json

import pytest
import requests


@pytest.fixture(scope="module")
def ask(hosted):
    """A function from fields to the response."""

    def send(path="/v1/messages", **fields):
        body = {"max_tokens": 8, "temperature": 0} | fields
        return requests.post(hosted.url + path, json=body, timeout=120)

    return send


USER = [{"role": "user", "content": "Name a colour."}]


def text_of(answer):
    assert answer.status_code == 200, answer.text
    return "".join(block["text"] for block in answer.json()["content"])


def events_of(answer):
    """Pairs of an event's name and its data."""
    found = []
    for event in answer.content.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in event.splitlines() if ": " in line)
        if "data" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def test_the_whole_answer(ask, hosted):
    answer = ask(messages=USER, system="Be brief.", model="any", max_tokens=2).json()
    assert answer["id"].startswith("msg_")
    assert (answer["type"], answer["role"]) == ("message", "assistant")
    assert answer["model"] == requests.get(hosted.url + "/v1/models").json()["data"][0]["id"]
    assert [block["type"] for block in answer["content"]] == ["text"]
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("max_tokens", None)
    usage = answer["usage"]
    assert usage["output_tokens"] == 2
    chat = requests.post(
        hosted.url + "/v1/chat/completions",
        json={
            "messages": [{"role": "system", "content": "Be brief."}, *USER],
            "max_tokens": 2,
            "temperature": 0,
        },
    ).json()
    assert chat["choices"][0]["message"]["content"] == answer["content"][0]["text"]
    read = usage["input_tokens"] + usage["cache_read_input_tokens"]
    assert chat["usage"]["prompt_tokens"] == read


def test_text_may_come_in_blocks(ask):
    blocks = [
        {"type": "text", "text": "Name a ", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "colour."},
    ]
    system = [{"type": "text", "text": "Be brief."}]
    one = ask(messages=[{"role": "user", "content": blocks}], system=system)
    assert text_of(one) == text_of(ask(messages=USER, system="Be brief."))


def test_the_answer_goes_on_with_the_assistants_turn(ask, hosted):
    begun = [*USER, {"role": "assistant", "content": "I like the colour"}]
    chat = requests.post(
        hosted.url + "/v1/chat/completions",
        json={"messages": begun, "max_tokens": 8, "temperature": 0},
    ).json()
    assert text_of(ask(messages=begun)) == chat["choices"][0]["message"]["content"]


def test_stop_sequences_are_told(ask):
    text = text_of(ask(messages=USER, max_tokens=24))
    mark = text[4:8]
    answer = ask(messages=USER, max_tokens=24, stop_sequences=["never seen", mark]).json()
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", mark)
    assert answer["content"][0]["text"] == text[: text.index(mark)]
    ended = ask(messages=[{"role": "user", "content": "Say only: Yes."}], max_tokens=60).json()
    assert ended["stop_reason"] == "end_turn"


def test_streams(ask):
    whole = ask(messages=USER).json()
    events = events_of(ask(messages=USER, stream=True))
    assert all(name == data["type"] for name, data in events)
    names = [name for name, _ in events]
    assert names[:3] == ["message_start", "content_block_start", "ping"]
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(names[3:-3]) == {"content_block_delta"}
    start = events[0][1]["message"]
    assert (start["content"], start["stop_reason"]) == ([], None)
    assert start["usage"]["output_tokens"] == 0 < start["usage"]["input_tokens"]
    deltas = [data["delta"] for name, data in events if name == "content_block_delta"]
    assert "".join(delta["text"] for delta in deltas) == whole["content"][0]["text"]
    end = events[-2][1]
    assert end["delta"] == {"stop_reason": "max_tokens", "stop_sequence": None}
    assert end["usage"]["output_tokens"] == whole["usage"]["output_tokens"]


def test_counting(ask):
    counted = ask("/v1/messages/count_tokens", messages=USER, system="Be brief.").json()
    usage = ask(messages=USER, system="Be brief.").json()["usage"]
    assert counted == {"input_tokens": usage["input_tokens"] + usage["cache_read_input_tokens"]}


def test_a_limit_above_the_context_is_cut_to_it(ask):
    answer = ask(messages=[{"role": "user", "content": "Say only: Yes."}], max_tokens=128000)
    assert answer.json()["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    "fields",
    [
        {"thinking": {"type": "disabled"}},
        {"tools": [], "tool_choice": {"type": "auto"}, "metadata": {"user_id": "u"}},
        {"service_tier": "auto", "stop_sequences": [], "mcp_servers": []},
    ],
)
def test_what_changes_nothing_is_accepted(ask, fields):
    assert text_of(ask(messages=USER, **fields)) == text_of(ask(messages=USER))


@pytest.mark.parametrize(
    "fields, said",
    [
        ({"messages": []}, "messages"),
        ({"messages": USER, "max_tokens": 0}, "max_tokens"),
        ({"messages": USER, "tools": [{"name": "x"}]}, "tools"),
        ({"messages": USER, "thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "content[0].type"),
        ({"messages": [{"role": "user", "content": "word " * 20000}]}, "context"),
    ],
)
def test_errors_have_anthropics_shape(ask, fields, said):
    answer = ask(**fields)
    assert answer.status_code == 400
    error = answer.json()
    assert error["type"] == "error" and error["error"]["type"] == "invalid_request_error"
    assert said in error["error"]["message"]
