"""Every route of the API, as a process and booted: it answers with the status, the content type and the
schema that the generated OpenAPI document promises, streams event by event."""

import json
from functools import cache

import pytest
import requests
from jsonschema import Draft202012Validator

from cllm_gen.spec.load import load_appliances
from tests.native import ROOT

DOCUMENT = json.loads((ROOT / "generated/surfaces/openai/api/openapi.json").read_text())
TEXT = "Once upon a time"
CHAT = {"messages": [{"role": "user", "content": "Hi"}], "temperature": 0}
STREAMED = {
    "/v1/completions": {"prompt": TEXT, "max_tokens": 3, "logprobs": 2},
    "/completion": {"prompt": TEXT, "n_predict": 3, "n_probs": 2, "temperature": 0},
    "/v1/chat/completions": CHAT | {"max_tokens": 3, "logprobs": True, "top_logprobs": 2},
    "/v1/responses": {"input": "Hi", "max_output_tokens": 3},
    "/v1/messages": CHAT | {"model": "any", "max_tokens": 3},
}
"""Requests to routes that can stream."""
POSTED = {
    "/apply-template": {"messages": CHAT["messages"]},
    "/v1/chat/completions/input_tokens": {"messages": CHAT["messages"]},
    "/v1/responses/input_tokens": {"input": "Hi"},
    "/v1/messages/count_tokens": {"model": "any", "messages": CHAT["messages"]},
    "/v1/embeddings": {"input": [TEXT, "The end"]},
    "/embedding": {"content": TEXT},
    "/tokenize": {"content": TEXT, "with_pieces": True},
    "/detokenize": {"tokens": [9690, 2489]},
    "/rerank": {"query": TEXT, "documents": [TEXT]},
    "/infill": {"input_prefix": TEXT, "input_suffix": "."},
}
NOT_IMPLEMENTED = ("/rerank", "/infill")
GOTTEN = ("/health", "/v1/models", "/v1/models/{model}", "/props", "/slots", "/metrics")


@cache
def validator(path: str, method: str, status: str, kind: str) -> Draft202012Validator:
    """Of what the document says that a route answers."""
    responses = DOCUMENT["paths"][path][method]["responses"]
    response = responses.get(status) or responses["default"]
    content = response.get("content") or responses["default"]["content"]
    return Draft202012Validator({**content[kind]["schema"], "components": DOCUMENT["components"]})


def checked(path: str, method: str, answer: requests.Response, status: int) -> requests.Response:
    """The answer, of which status, content type and body are as documented."""
    assert answer.status_code == status, answer.text
    kind = answer.headers["Content-Type"]
    json_kind = kind.startswith("application/json")
    body = answer.json() if json_kind else answer.text
    validator(path, method, str(status), "application/json" if json_kind else kind).validate(body)
    return answer


def shape(value):
    """Names and types of a JSON value; of an array those of its first item."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return "number" if isinstance(value, int | float) else type(value).__name__


@pytest.fixture(params=["hosted", "x86_64"])
def url(appliances, request):
    return appliances(request.param).url


def test_every_route_is_tried():
    assert {*STREAMED, *POSTED, *GOTTEN} == set(DOCUMENT["paths"])


@pytest.mark.parametrize("path", GOTTEN)
def test_get(path, url):
    name = load_appliances(ROOT)[0].model.title
    checked(path, "get", requests.get(url + path.replace("{model}", name), timeout=60), 200)


@pytest.mark.parametrize("path", [*STREAMED, *POSTED])
def test_post(path, url, hosted):
    body = (STREAMED | POSTED)[path]
    status = 501 if path in NOT_IMPLEMENTED else 200
    found = checked(path, "post", requests.post(url + path, json=body, timeout=300), status)
    same = requests.post(hosted.url + path, json=body, timeout=300)
    assert shape(found.json()) == shape(same.json())
    refused = requests.post(url + path, data=b"{", timeout=60)
    checked(path, "post", refused, status if path in NOT_IMPLEMENTED else 400)


@pytest.mark.parametrize("path", STREAMED)
def test_stream(path, url):
    body = STREAMED[path] | {"stream": True}
    answer = requests.post(url + path, json=body, timeout=300)
    assert answer.status_code == 200, answer.text
    events = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
    assert len(events) >= 3
    for event in events:
        validator(path, "post", "200", "text/event-stream").validate(json.loads(event))
