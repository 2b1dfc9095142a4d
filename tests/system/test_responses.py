"""OpenAI's responses endpoint through the official client, unmodified."""

import openai
import pytest

INPUT = "Name a colour."


@pytest.fixture(scope="module")
def client(hosted):
    return openai.OpenAI(base_url=hosted.url + "/v1", api_key="none", timeout=120, max_retries=0)


def create(client, **fields):
    given = {"model": "m", "input": INPUT, "temperature": 0, "max_output_tokens": 8} | fields
    return client.responses.create(**given)


def test_the_whole_answer(client):
    answer = create(client, instructions="Be brief.", metadata={"a": "b"}, max_output_tokens=2)
    assert answer.id.startswith("resp_") and answer.object == "response"
    (item,) = answer.output
    assert (item.type, item.role, item.status) == ("message", "assistant", "incomplete")
    assert answer.output_text == item.content[0].text != ""
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert (answer.instructions, answer.metadata) == ("Be brief.", {"a": "b"})
    assert (answer.temperature, answer.max_output_tokens) == (0, 2)
    assert (answer.tools, answer.previous_response_id) == ([], None)
    chat = client.chat.completions.create(
        model="m",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": INPUT},
        ],
        temperature=0,
        max_tokens=2,
    )
    assert chat.choices[0].message.content == answer.output_text
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (
        chat.usage.prompt_tokens,
        chat.usage.completion_tokens,
    )


def test_an_answer_that_ends_by_itself_is_completed(client):
    answer = create(client, input="Say only: Yes.", max_output_tokens=60)
    assert (answer.status, answer.incomplete_details) == ("completed", None)
    assert answer.output[0].status == "completed"


@pytest.mark.parametrize(
    "given",
    [
        [{"role": "user", "content": INPUT}],
        [{"type": "message", "role": "user", "content": INPUT}],
        [{"role": "user", "content": [{"type": "input_text", "text": INPUT}]}],
    ],
)
def test_every_shape_of_input_means_the_same(client, given):
    assert create(client, input=given).output_text == create(client).output_text


def test_answers_may_come_back(client):
    first = create(client, include=["message.output_text.logprobs"], top_logprobs=1)
    turn = [item.model_dump() for item in first.output]
    given = [{"role": "user", "content": INPUT}, *turn, {"role": "user", "content": "Why?"}]
    second = create(client, input=given)
    chat = client.chat.completions.create(
        model="m",
        messages=[
            {"role": "user", "content": INPUT},
            {"role": "assistant", "content": first.output_text},
            {"role": "user", "content": "Why?"},
        ],
        temperature=0,
        max_tokens=8,
    )
    assert second.output_text == chat.choices[0].message.content


def test_streams(client):
    whole = create(client)
    events = list(create(client, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    names = [event.type for event in events]
    assert names[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert names[-4:-1] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
    ]
    assert names[-1] == f"response.{whole.status}"
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(deltas) > 1 and "".join(deltas) == whole.output_text == events[-4].text
    last = events[-1].response
    assert last.output_text == whole.output_text and last.usage.output_tokens == 8
    assert {event.item_id for event in events if hasattr(event, "item_id")} == {last.output[0].id}


def test_the_clients_own_stream_helper(client):
    with client.responses.stream(model="m", input=INPUT, temperature=0) as stream:
        final = stream.get_final_response()
    assert final.status == "completed"
    assert final.output_text == create(client, max_output_tokens=None).output_text


def test_chances(client):
    answer = create(client, include=["message.output_text.logprobs"], top_logprobs=2)
    told = answer.output[0].content[0].logprobs
    assert len(told) == answer.usage.output_tokens
    assert all(len(each.top_logprobs) == 2 for each in told)
    assert create(client).output[0].content[0].logprobs == []
    events = list(
        create(client, include=["message.output_text.logprobs"], top_logprobs=2, stream=True)
    )
    streamed = [
        each
        for event in events
        if event.type == "response.output_text.delta"
        for each in event.logprobs
    ]
    assert [each.token for each in streamed] == [each.token for each in told]
    assert [each.token for each in events[-4].logprobs] == [each.token for each in told]


def test_counting(client):
    counted = client.responses.input_tokens.count(model="m", input=INPUT)
    assert counted.input_tokens == create(client).usage.input_tokens


def test_truncation_drops_the_oldest_turns(client):
    system = {"role": "system", "content": "Be brief."}
    kept = [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": INPUT}]
    turns = [system, {"role": "user", "content": "seven " * 8500}, *kept]
    with pytest.raises(openai.BadRequestError) as error:
        create(client, input=turns)
    assert error.value.type == "exceed_context_size_error"
    cut = create(client, input=turns, truncation="auto", max_output_tokens=1)
    counted = client.responses.input_tokens.count(input=[system, *kept])
    assert cut.usage.input_tokens == counted.input_tokens


@pytest.mark.parametrize(
    "fields, param",
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True}, "background"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"reasoning": {"effort": "high"}}, "reasoning.effort"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format.type"),
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].type"),
        ({"include": ["nothing"]}, "include[0]"),
    ],
)
def test_what_cannot_be_is_named(client, fields, param):
    with pytest.raises(openai.BadRequestError) as error:
        create(client, **fields)
    assert error.value.param == param


def test_what_changes_nothing_is_accepted(client):
    answer = create(
        client,
        background=False,
        include=["reasoning.encrypted_content"],
        max_tool_calls=3,
        parallel_tool_calls=True,
        prompt_cache_key="k",
        reasoning={"effort": "none"},
        safety_identifier="s",
        service_tier="auto",
        store=False,
        text={"format": {"type": "text"}, "verbosity": "medium"},
        tool_choice="auto",
        tools=[],
        truncation="auto",
        user="u",
    )
    assert answer.output_text == create(client).output_text
