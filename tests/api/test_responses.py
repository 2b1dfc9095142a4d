"""Written answers, byte for byte where order matters, and as the official client's types see them."""

from __future__ import annotations

import base64
import json
import struct

import openai.types as types
import openai.types.chat as chat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.harness import Driver

ANSWER = '"max_tokens":77'  # what makes the driver's handlers answer instead of showing the request


def test_health(served: Driver) -> None:
    assert served.dispatch("GET /health", "") == '{"status":"loading"}'


def test_models(served: Driver) -> None:
    text = served.dispatch("GET /v1/models", "")
    assert text == (
        '{"object":"list","data":[{"id":"m","object":"model","created":5,"owned_by":"h","aliases":[],"tags":[],'
        '"meta":{"vocab_type":0,"n_vocab":9,"n_ctx":0,"n_ctx_train":0,"n_embd":0,"n_params":0,"size":0}}],'
        '"has_more":false,"first_id":"m","last_id":"m"}'
    )
    assert types.Model.model_validate(json.loads(text)["data"][0]).id == "m"


def test_chat_completion(served: Driver) -> None:
    text = served.dispatch(
        "POST /v1/chat/completions", '{"messages":[{"role":"user","content":"?"}],%s}' % ANSWER
    )
    assert text == (
        '{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m",'
        '"system_fingerprint":"w-k-i","choices":[{"index":0,'
        '"message":{"role":"assistant","content":"Paris \\"€\\"\\n","refusal":null},"logprobs":null,'
        '"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7,'
        '"prompt_tokens_details":{"cached_tokens":4}},"timings":{"cache_n":4,"prompt_n":1,"prompt_ms":2.5,'
        '"prompt_per_token_ms":2.5,"prompt_per_second":400,"predicted_n":2,"predicted_ms":0.125,'
        '"predicted_per_token_ms":0.125,"predicted_per_second":8000}}'
    )
    answer = chat.ChatCompletion.model_validate(json.loads(text))
    assert answer.choices[0].message.content == 'Paris "€"\n'
    assert answer.usage and answer.usage.prompt_tokens_details
    assert answer.usage.total_tokens == 7
    assert answer.usage.prompt_tokens_details.cached_tokens == 4


def test_chat_chunks(served: Driver) -> None:
    text = served.dispatch(
        "POST /v1/chat/completions",
        '{"messages":[{"role":"user","content":"?"}],"stream":true,%s}' % ANSWER,
    )
    events = text.split("\n\n")
    assert events.pop() == ""
    assert all(event.startswith("data: {") and "\n" not in event for event in events)
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert [chunk["choices"] for chunk in chunks] == [
        [
            {
                "index": 0,
                "delta": {"role": "assistant", "content": ""},
                "logprobs": None,
                "finish_reason": None,
            }
        ],
        [{"index": 0, "delta": {"content": "Par"}, "logprobs": None, "finish_reason": None}],
        [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "length"}],
        [],
    ]
    assert ["usage" in chunk and chunk["usage"] for chunk in chunks] == [
        False,
        None,
        False,
        {
            "prompt_tokens": 5,
            "completion_tokens": 2,
            "total_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 4},
        },
    ]
    assert ["timings" in chunk for chunk in chunks] == [False, False, False, True]
    for chunk in chunks:
        assert chat.ChatCompletionChunk.model_validate(chunk).object == "chat.completion.chunk"


def test_completion(served: Driver) -> None:
    text = served.dispatch("POST /v1/completions", '{"prompt":"x",%s}' % ANSWER)
    assert text == (
        '{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","system_fingerprint":"w-k-i","choices":['
        '{"text":" one","index":0,"logprobs":null,"finish_reason":"length"},'
        '{"text":"","index":1,"logprobs":null,"finish_reason":null}]}'
    )


def test_embeddings(served: Driver) -> None:
    text = served.dispatch("POST /v1/embeddings", '{"input":"x","dimensions":77}')
    answer = json.loads(text)
    floats, packed = (item["embedding"] for item in answer["data"])
    assert floats == [0.1, -2, 1e-20]
    assert struct.unpack("<3f", base64.b64decode(packed)) == struct.unpack(
        "<3f", struct.pack("<3f", *floats)
    )
    assert (
        types.CreateEmbeddingResponse.model_validate(
            {**answer, "data": answer["data"][:1]}
        ).usage.total_tokens
        == 3
    )


def test_tokens(served: Driver) -> None:
    assert served.dispatch("POST /tokenize", '{"content":""}') == '{"tokens":[1,49151]}'
    assert served.dispatch("POST /tokenize", '{"content":"","with_pieces":true}') == (
        '{"tokens":[{"id":1,"piece":"a"},{"id":2,"piece":[226,130]}]}'
    )


def test_an_event_is_the_object_between_data_and_an_empty_line(echo: Driver) -> None:
    body = '{"only":"this","text":"a\\nb","empty_or_null":null}'
    assert echo.dispatch("POST /echo", body) == (
        'data: {"text":"a\\nb","share":0.25,"color":"green","only":"this","empty_or_null":null,'
        '"greeting":"hé \\"?\\\\","volume":0.75}\n\n'
    )


def test_answers_may_be_arrays_and_events_have_names(echo: Driver) -> None:
    started, ended, rest = echo.dispatch("POST /count", '{"most":3}').split("\n\n")
    array, event = started.split("event: ")
    assert json.loads(array) == [{"number": n, "below": list(range(n))} for n in range(3)]
    assert event == 'count.started\ndata: {"type":"count.started"}'
    assert ended.startswith('event: count.ended\ndata: {"type":"count.ended","last":{"number":9,')
    assert rest == ""


def test_what_cannot_be_made_fails_the_answer(echo: Driver) -> None:
    assert echo.dispatch("POST /count", '{"most":9}') == ""


BODIES = [
    '{"text":"a\\u00e9","count":3,"choice":[[1,2],[]],"inner":{"label":"x","deep":[[1]]},"nearly":"auto","share":null}',
    '{"choices":["a",{"label":"ab"},[1,2]],"numbers":[1.5,-2e3],"pair":[true,false],"color":"greenish-red"}',
]


@settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(BODIES),
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 4), st.binary(max_size=4)),
        min_size=1,
        max_size=4,
    ),
)
def test_damaged_requests_are_answered(
    echo: Driver, body: str, edits: list[tuple[int, int, bytes]]
) -> None:
    """Whatever arrives, the answer is the object or one error; the sanitizers watch the rest."""
    data = body.encode()
    for at, count, text in edits:
        data = data[: at % len(data)] + text + data[at % len(data) + count :] or b"x"
    answer = echo.dispatch("POST /echo", data)
    if answer.startswith("{"):
        sent, got = json.loads(data), json.loads(answer)
        for key in sent.keys() & got.keys() - {"share"}:
            assert sent[key] == got[key] or isinstance(sent[key], (dict, list))
    else:
        assert answer.startswith("400|invalid_request_error|") and answer.endswith(".")
