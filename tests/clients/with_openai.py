"""The official client of OpenAI's API: openai."""

from __future__ import annotations

import asyncio

import openai
from cases import (
    BASE,
    CHAT,
    KEY,
    QUESTION,
    TOKENS,
    case,
    continued,
    embedded,
    greedy,
    main,
    model,
    near,
    plain,
    prompt_tokens,
)

client = openai.OpenAI(base_url=BASE, api_key=KEY, max_retries=0, timeout=300)
GREEDY = {"model": model(), "temperature": 0, "max_tokens": TOKENS}


def refused(call, **fields) -> openai.BadRequestError:
    try:
        call(**fields)
    except openai.BadRequestError as error:
        return error
    raise AssertionError(f"{fields} was taken")


@case
def models():
    assert model() in [each.id for each in client.models.list()]
    assert client.models.retrieve(model()).id == model()


@case
def chat():
    answer = client.chat.completions.create(messages=CHAT, **GREEDY)
    assert answer.choices[0].message.content == greedy()
    assert answer.choices[0].message.role == "assistant" and answer.object == "chat.completion"
    assert answer.usage.prompt_tokens == prompt_tokens() and answer.system_fingerprint
    assert answer.usage.total_tokens == prompt_tokens() + answer.usage.completion_tokens
    assert answer._request_id


@case
def chat_stream():
    chunks = list(
        client.chat.completions.create(
            messages=CHAT, stream=True, stream_options={"include_usage": True}, **GREEDY
        )
    )
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == greedy() and len({chunk.id for chunk in chunks}) == 1
    assert chunks[-1].usage.prompt_tokens == prompt_tokens() and not chunks[-1].choices


@case
def chat_stream_helper():
    stop = greedy()[3:6]  # the helper raises where an answer is cut by a limit
    with client.chat.completions.stream(messages=CHAT, stop=stop, **GREEDY) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert final.choices[0].message.content == greedy()[: greedy().index(stop)]
    assert {"chunk", "content.delta", "content.done"} <= kinds


@case
def chat_left_midway():
    stream = client.chat.completions.create(messages=CHAT, stream=True, model=model(), n=1)
    next(iter(stream))
    stream.close()
    assert client.chat.completions.create(messages=CHAT, **GREEDY).choices


@case
async def async_many_at_once():
    async with openai.AsyncOpenAI(base_url=BASE, api_key=KEY, max_retries=0) as many:
        answers = await asyncio.gather(
            *(many.chat.completions.create(messages=CHAT, **GREEDY) for _ in range(6))
        )
    assert {answer.choices[0].message.content for answer in answers} == {greedy()}


@case
async def async_stream():
    async with openai.AsyncOpenAI(base_url=BASE, api_key=KEY, max_retries=0) as many:
        stream = await many.chat.completions.create(messages=CHAT, stream=True, **GREEDY)
        texts = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(texts) == greedy()


@case
def chat_several_choices():
    answer = client.chat.completions.create(
        messages=CHAT, model=model(), max_tokens=TOKENS, n=3, seed=7, temperature=1.5
    )
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) > 1
    again = client.chat.completions.create(
        messages=CHAT, model=model(), max_tokens=TOKENS, n=3, seed=7, temperature=1.5
    )
    texts = [[choice.message.content for choice in each.choices] for each in (answer, again)]
    assert texts[0] == texts[1]


@case
def chat_log_probabilities():
    answer = client.chat.completions.create(messages=CHAT, logprobs=True, top_logprobs=3, **GREEDY)
    told = answer.choices[0].logprobs.content
    assert "".join(each.token for each in told) == greedy()
    for each in told:
        assert len(each.top_logprobs) == 3 and each.top_logprobs[0].token == each.token
        assert 0 >= each.logprob >= each.top_logprobs[-1].logprob
        assert bytes(each.bytes).decode() == each.token


@case
def chat_biased():
    first = plain("/tokenize", content=greedy())["tokens"][0]
    answer = client.chat.completions.create(messages=CHAT, logit_bias={str(first): -100}, **GREEDY)
    assert answer.choices[0].message.content != greedy()


@case
def chat_stop():
    stop = greedy()[3:6]
    answer = client.chat.completions.create(messages=CHAT, stop=[stop], **GREEDY)
    assert answer.choices[0].message.content == greedy()[: greedy().index(stop)]
    assert answer.choices[0].finish_reason == "stop"


@case
def chat_with_every_field():
    answer = client.chat.completions.create(
        model=model(),
        messages=[
            {"role": "developer", "content": "You answer briefly."},
            {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
            {"role": "assistant", "content": "Red."},
            {"role": "user", "content": "Another one."},
        ],
        frequency_penalty=0.5,
        presence_penalty=0.5,
        logprobs=True,
        top_logprobs=2,
        max_completion_tokens=TOKENS,
        n=1,
        seed=3,
        stop=["\n\n"],
        temperature=0.5,
        top_p=0.9,
        user="u",
        metadata={"a": "b"},
        store=False,
        service_tier="auto",
        safety_identifier="s",
        prompt_cache_key="k",
        modalities=["text"],
        response_format={"type": "text"},
        extra_body={"top_k": 4, "min_p": 0.05},
    )
    assert answer.choices[0].message.content


@case
def completions():
    answer = client.completions.create(prompt=["One two three", "A B C"], **GREEDY)
    texts = [choice.text for choice in answer.choices]
    assert texts == [continued("One two three"), continued("A B C")]


@case
def completions_of_tokens():
    ids = plain("/tokenize", content="One two three")["tokens"]
    answer = client.completions.create(prompt=ids, **GREEDY)
    assert answer.choices[0].text == continued("One two three")


@case
def completions_stream():
    chunks = client.completions.create(prompt="One two three", stream=True, **GREEDY)
    assert "".join(chunk.choices[0].text for chunk in chunks) == continued("One two three")


@case
def completions_repeat_the_prompt():
    answer = client.completions.create(prompt="One two three", echo=True, **GREEDY)
    assert answer.choices[0].text == "One two three" + continued("One two three")


@case
def completions_log_probabilities():
    told = client.completions.create(prompt="One two", logprobs=2, **GREEDY).choices[0].logprobs
    assert "".join(told.tokens) == continued("One two")
    assert len(told.tokens) == len(told.token_logprobs) == len(told.top_logprobs) == TOKENS
    assert all(len(top) >= 2 for top in told.top_logprobs)


@case
def completions_best_of():
    answer = client.completions.create(
        model=model(), prompt="One two", max_tokens=TOKENS, best_of=3, n=2, seed=1, temperature=1
    )
    assert len(answer.choices) == 2


@case
def embeddings():
    texts = ["The cat sleeps.", "Rates rose."]
    answer = client.embeddings.create(model=model(), input=texts)
    floats = client.embeddings.create(model=model(), input=texts, encoding_format="float")
    for text, packed, whole in zip(texts, answer.data, floats.data):
        assert near(packed.embedding, embedded(text)) and near(whole.embedding, embedded(text))
    ids = plain("/tokenize", content=texts[0])["tokens"]
    one = client.embeddings.create(model=model(), input=[ids])
    assert near(one.data[0].embedding, embedded(texts[0]))


@case
def errors_name_the_field():
    create = client.chat.completions.create
    assert refused(create, model=model(), messages=CHAT, temperature=9).param == "temperature"
    long = refused(create, model=model(), messages=[{"role": "user", "content": "word " * 20000}])
    assert long.status_code == 400 and "context" in long.message
    assert refused(client.embeddings.create, model=model(), input=[]).param == "input"


main()
