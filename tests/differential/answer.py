"""What a server answered, in a form that can be compared: JSON, a stream's events, or metrics' names."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

from tests.differential.question import Question

_SECONDS = 30.0
CUT = 0
"""The status of an exchange that ended without a response."""


@dataclass(frozen=True)
class Answer:
    """status   of the response, or CUT
    media    its type without parameters, such as `application/json`
    events   of a stream: each one's name (empty if it has none) and data; else None
    body     of what is no stream: the JSON, or the text where it is none
    """

    status: int
    media: str = ""
    body: Any = None
    events: tuple[tuple[str, Any], ...] | None = None


def ask(port: int, question: Question) -> Answer:
    if question.beside is None:
        return _ask(port, question)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        _send(connection, question.beside).read(1)
        return _ask(port, question)
    finally:
        connection.close()


def _send(connection: http.client.HTTPConnection, question: Question) -> http.client.HTTPResponse:
    connection.request(question.method, question.path, question.body, dict(question.headers))
    return connection.getresponse()


def _ask(port: int, question: Question) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        response = _send(connection, question)
        media = (response.getheader("Content-Type") or "").partition(";")[0].strip()
        return read(response.status, media, response.read())
    except (OSError, http.client.HTTPException) as error:
        return Answer(CUT, body=type(error).__name__)
    finally:
        connection.close()


def read(status: int, media: str, raw: bytes) -> Answer:
    text = raw.decode(errors="replace")
    if media == "text/event-stream":
        return Answer(status, media, events=tuple(_events(text)))
    if media == "text/plain" and text.startswith("# "):
        return Answer(status, media, _metrics(text))
    return Answer(status, media, _value(text))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _events(text: str):
    """Comments and other fields than these are left out (the HTML standard, server-sent events)."""
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = [line.partition(":") for line in block.split("\n")]
        name = "".join(value.removeprefix(" ") for key, _, value in fields if key == "event")
        data = [value.removeprefix(" ") for key, _, value in fields if key == "data"]
        if data:
            yield name, _value("\n".join(data))


def _metrics(text: str) -> dict[str, str]:
    """Each family's type, by its name."""
    lines = (line.split() for line in text.splitlines())
    return {words[2]: words[3] for words in lines if words[:2] == ["#", "TYPE"]}
