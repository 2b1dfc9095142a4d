"""Cases of one client, run in the clients' own environment: `python with_CLIENT.py URL RESULTS.json`.

A file `with_CLIENT.py` has a function for each thing that the client does, marked as a case, and ends
with `main()`. Functions assert; what they raise is written beside their names. Coroutines are run.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import traceback
import urllib.request
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
BASE = ROOT + "/v1"
KEY = "none"  # the server asks for no key; clients insist on one
QUESTION = "Name a colour."
CHAT = [{"role": "user", "content": QUESTION}]
SYSTEM = {"role": "system", "content": "You answer in one short sentence."}
TOKENS = 8

_cases: dict[str, Callable] = {}


def case(function: Callable) -> Callable:
    _cases[function.__name__] = function
    return function


def plain(path: str, **body) -> dict:
    """The answer to a request without any client."""
    request = urllib.request.Request(
        ROOT + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


@cache
def model() -> str:
    with urllib.request.urlopen(BASE + "/models", timeout=300) as answer:
        return json.load(answer)["data"][0]["id"]


@cache
def _chat(messages: str, tokens: int) -> dict:
    return plain(
        "/v1/chat/completions", messages=json.loads(messages), max_tokens=tokens, temperature=0
    )


def greedy(*messages: dict, tokens: int = TOKENS) -> str:
    """What the model says, drawn greedily: every client must see the same."""
    found = _chat(json.dumps(messages or CHAT), tokens)["choices"][0]["message"]["content"]
    assert found
    return found


def prompt_tokens(*messages: dict) -> int:
    return _chat(json.dumps(messages or CHAT), TOKENS)["usage"]["prompt_tokens"]


def continued(prompt: str, tokens: int = TOKENS) -> str:
    """How the model goes on from a text."""
    answer = plain("/v1/completions", prompt=prompt, max_tokens=tokens, temperature=0)
    return answer["choices"][0]["text"]


def embedded(text: str) -> list[float]:
    return plain("/v1/embeddings", input=text)["data"][0]["embedding"]


def near(one: list[float], other: list[float]) -> bool:
    return len(one) == len(other) and max(abs(x - y) for x, y in zip(one, other)) < 1e-5


def main() -> None:
    results = {}
    for name, function in _cases.items():
        try:
            found = function()
            if inspect.iscoroutine(found):
                asyncio.run(found)
            results[name] = ""
        except Exception:
            results[name] = traceback.format_exc()
    Path(sys.argv[2]).write_text(json.dumps(results))
