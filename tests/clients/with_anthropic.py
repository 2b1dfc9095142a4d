"""The official client of Anthropic's API: anthropic."""

from __future__ import annotations

import anthropic
from cases import (
    CHAT,
    KEY,
    QUESTION,
    ROOT,
    SYSTEM,
    TOKENS,
    case,
    greedy,
    main,
    model,
    prompt_tokens,
)

client = anthropic.Anthropic(base_url=ROOT, api_key=KEY, max_retries=0, timeout=300)
GREEDY = {"model": model(), "max_tokens": TOKENS, "extra_body": {"temperature": 0}}


def asked(usage) -> int:
    """Tokens of the prompt: those that were computed, and those that were not."""
    return usage.input_tokens + usage.cache_read_input_tokens


@case
def messages():
    answer = client.messages.create(messages=CHAT, **GREEDY)
    assert answer.content[0].text == greedy() and answer.content[0].type == "text"
    assert answer.type == "message" and answer.role == "assistant" and answer.id.startswith("msg")
    assert asked(answer.usage) == prompt_tokens()
    assert answer.stop_reason in ("end_turn", "max_tokens")


@case
def messages_cut_by_a_limit():
    long = [{"role": "user", "content": "Count from one to a hundred."}]
    answer = client.messages.create(messages=long, **GREEDY)
    assert answer.stop_reason == "max_tokens" and answer.usage.output_tokens == TOKENS


@case
def messages_with_a_system_prompt():
    blocks = [{"type": "text", "text": SYSTEM["content"], "cache_control": {"type": "ephemeral"}}]
    for system in (SYSTEM["content"], blocks):
        answer = client.messages.create(messages=CHAT, system=system, **GREEDY)
        assert answer.content[0].text == greedy(SYSTEM, *CHAT)


@case
def messages_of_blocks():
    turn = {"role": "user", "content": [{"type": "text", "text": QUESTION}]}
    assert client.messages.create(messages=[turn], **GREEDY).content[0].text == greedy()


@case
def a_message_begun_is_gone_on_with():
    begun = greedy().split(" ")[0]  # whole tokens
    turn = {"role": "assistant", "content": begun}
    answer = client.messages.create(messages=[*CHAT, turn], **GREEDY)
    assert (begun + answer.content[0].text).startswith(greedy())


@case
def messages_stream_helper():
    with client.messages.stream(messages=CHAT, **GREEDY) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == greedy() == final.content[0].text
    assert asked(final.usage) == prompt_tokens() and final.usage.output_tokens
    assert final.stop_reason


@case
def messages_stream():
    events = [e.type for e in client.messages.create(messages=CHAT, stream=True, **GREEDY)]
    kinds = [kind for kind in dict.fromkeys(events) if kind != "ping"]
    assert kinds == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


@case
async def messages_async():
    async with anthropic.AsyncAnthropic(base_url=ROOT, api_key=KEY, max_retries=0) as many:
        answer = await many.messages.create(messages=CHAT, **GREEDY)
        async with many.messages.stream(messages=CHAT, **GREEDY) as stream:
            text = "".join([piece async for piece in stream.text_stream])
    assert answer.content[0].text == text == greedy()


@case
def a_stop_sequence_is_named():
    stop = greedy()[3:6]
    answer = client.messages.create(messages=CHAT, stop_sequences=[stop], **GREEDY)
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", stop)
    assert answer.content[0].text == greedy()[: greedy().index(stop)]


@case
def messages_with_every_field():
    answer = client.messages.create(
        model=model(),
        max_tokens=TOKENS,
        messages=CHAT,
        system="Be brief.",
        stop_sequences=["\n\n"],
        metadata={"user_id": "u"},
        service_tier="auto",
        thinking={"type": "disabled"},
        extra_body={"temperature": 0.5, "top_p": 0.9, "top_k": 5},
    )
    assert answer.content[0].text


@case
def tokens_are_counted():
    counted = client.messages.count_tokens(model=model(), messages=CHAT)
    assert counted.input_tokens == prompt_tokens()
    more = client.messages.count_tokens(model=model(), messages=CHAT, system=SYSTEM["content"])
    assert more.input_tokens == prompt_tokens(SYSTEM, *CHAT)


@case
def models():
    assert model() in [each.id for each in client.models.list()]


@case
def errors_have_anthropics_shape():
    try:
        client.messages.create(
            model=model(), max_tokens=TOKENS, messages=CHAT, extra_body={"temperature": 9}
        )
    except anthropic.BadRequestError as error:
        assert error.body["type"] == "error"
        assert error.body["error"]["type"] == "invalid_request_error"
        assert "temperature" in error.body["error"]["message"]
    else:
        raise AssertionError("a temperature of 9 was taken")


main()
