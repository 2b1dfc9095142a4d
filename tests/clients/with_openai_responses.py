"""The official client of OpenAI's API: its Responses."""

from __future__ import annotations

import openai
from cases import (
    BASE,
    CHAT,
    KEY,
    QUESTION,
    SYSTEM,
    TOKENS,
    case,
    greedy,
    main,
    model,
    prompt_tokens,
)

client = openai.OpenAI(base_url=BASE, api_key=KEY, max_retries=0, timeout=300)
GREEDY = {"model": model(), "temperature": 0, "max_output_tokens": TOKENS}
EVENTS = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]


@case
def responses():
    answer = client.responses.create(input=QUESTION, **GREEDY)
    assert answer.output_text == greedy() and answer.object == "response"
    assert answer.usage.input_tokens == prompt_tokens() and answer.id.startswith("resp")
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


@case
def responses_cut_by_a_limit():
    answer = client.responses.create(
        input="Count from one to a hundred.", **{**GREEDY, "max_output_tokens": 16}
    )
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"


@case
def responses_with_instructions():
    answer = client.responses.create(input=QUESTION, instructions=SYSTEM["content"], **GREEDY)
    assert answer.output_text == greedy(SYSTEM, *CHAT) and answer.instructions == SYSTEM["content"]


@case
def responses_of_items():
    answer = client.responses.create(
        input=[
            {"role": "developer", "content": SYSTEM["content"]},
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": QUESTION}],
            },
        ],
        **GREEDY,
    )
    assert answer.output_text == greedy(SYSTEM, *CHAT)


@case
def responses_stream():
    events = list(client.responses.create(input=CHAT, stream=True, **GREEDY))
    kinds = [event.type for event in events]
    assert list(dict.fromkeys(kinds))[:-1] == EVENTS
    assert kinds[-1] in ("response.completed", "response.incomplete")
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == greedy() == events[-1].response.output_text
    assert events[-1].response.usage.input_tokens == prompt_tokens()


@case
def responses_stream_helper():
    with client.responses.stream(input="Say hello.", model=model(), temperature=0) as stream:
        text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == text != ""


@case
async def responses_async():
    async with openai.AsyncOpenAI(base_url=BASE, api_key=KEY, max_retries=0) as many:
        answer = await many.responses.create(input=QUESTION, **GREEDY)
        stream = await many.responses.create(input=QUESTION, stream=True, **GREEDY)
        texts = [e.delta async for e in stream if e.type == "response.output_text.delta"]
    assert answer.output_text == "".join(texts) == greedy()


@case
def responses_go_on_from_their_own_items():
    first = client.responses.create(input=CHAT, **GREEDY)
    more = {"role": "user", "content": "Another one."}
    second = client.responses.create(
        input=[*CHAT, *(item.model_dump() for item in first.output), more], **GREEDY
    )
    said = {"role": "assistant", "content": greedy()}
    assert second.output_text == greedy(*CHAT, said, more)


@case
def responses_with_every_field():
    answer = client.responses.create(
        model=model(),
        input=QUESTION,
        instructions="Be brief.",
        max_output_tokens=TOKENS,
        temperature=0.1,
        top_p=0.9,
        top_logprobs=2,
        include=["message.output_text.logprobs"],
        store=False,
        metadata={"a": "b"},
        truncation="disabled",
        text={"format": {"type": "text"}},
        user="u",
        service_tier="auto",
        safety_identifier="s",
        prompt_cache_key="k",
        background=False,
        tools=[],
    )
    content = answer.output[0].content[0]
    said = "".join(each.token for each in content.logprobs)  # with the token that ends it
    assert said.startswith(content.text) and content.text
    assert all(len(each.top_logprobs) == 2 for each in content.logprobs)
    assert answer.metadata == {"a": "b"} and answer.temperature == 0.1


@case
def responses_count_their_input():
    counted = client.responses.input_tokens.count(model=model(), input=QUESTION)
    assert counted.input_tokens == prompt_tokens()


@case
def what_is_not_kept_is_refused():
    try:
        client.responses.create(input=QUESTION, previous_response_id="resp_1", **GREEDY)
    except openai.BadRequestError as error:
        assert error.param == "previous_response_id"
    else:
        raise AssertionError("an earlier answer that no one keeps was taken")


main()
