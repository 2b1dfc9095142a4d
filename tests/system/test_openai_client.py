"""The official client, unmodified."""

import math

import openai
import pytest

CHAT = [{"role": "user", "content": "Name a colour."}]


@pytest.fixture(scope="module", params=["hosted", "x86_64"])
def client(appliances, request):
    return openai.OpenAI(
        base_url=appliances(request.param).url + "/v1", api_key="none", timeout=300, max_retries=0
    )


@pytest.fixture(scope="module")
def model(client):
    return client.models.list().data[0].id


def test_models(client, model):
    assert client.models.retrieve(model).id == model
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client.models.retrieve("gpt-none")


def test_chat_and_its_stream_agree(client, model):
    anew = {"cache_prompt": False}  # what comes from the cache is counted too
    whole = client.chat.completions.create(
        model=model, messages=CHAT, temperature=0, max_tokens=8, extra_body=anew
    )
    chunks = list(
        client.chat.completions.create(
            model=model,
            messages=CHAT,
            temperature=0,
            max_tokens=8,
            extra_body=anew,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content != ""
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage == whole.usage
    assert whole.usage.completion_tokens <= 8
    finished = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert finished[-1] == whole.choices[0].finish_reason and not any(finished[:-1])


def test_completions_of_several_prompts(client, model):
    answer = client.completions.create(
        model=model, prompt=["One two three", "A B C"], max_tokens=3, temperature=0
    )
    assert [choice.index for choice in answer.choices] == [0, 1]
    single = client.completions.create(model=model, prompt="A B C", max_tokens=3, temperature=0)
    assert single.choices[0].text == answer.choices[1].text
    assert answer.usage.completion_tokens == 6


def test_embeddings(client, model):
    vectors = [
        item.embedding
        for item in client.embeddings.create(
            model=model, input=["The cat sleeps.", "A cat is sleeping.", "Interest rates rose."]
        ).data
    ]
    assert all(len(vector) == 576 for vector in vectors)
    assert all(math.isclose(sum(x * x for x in vector), 1, rel_tol=1e-3) for vector in vectors)
    near, far = (sum(x * y for x, y in zip(vectors[0], other)) for other in vectors[1:])
    assert near > far
    floats = (
        client.embeddings.create(model=model, input="The cat sleeps.", encoding_format="float")
        .data[0]
        .embedding
    )
    assert max(abs(x - y) for x, y in zip(floats, vectors[0])) < 1e-6
    short = (
        client.embeddings.create(model=model, input="The cat sleeps.", dimensions=64)
        .data[0]
        .embedding
    )
    assert len(short) == 64 and math.isclose(sum(x * x for x in short), 1, rel_tol=1e-3)


def test_errors_have_openai_types(client, model):
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(model=model, messages=CHAT, temperature=9)
    assert error.value.param == "temperature"
    with pytest.raises(openai.BadRequestError) as error:
        client.completions.create(model=model, prompt="word " * 20000, max_tokens=1)
    assert error.value.param == "prompt"
