"""A question as data, and how a table of fields becomes many of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ABSENT = object()
"""The value of a field that a question leaves out."""

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """name   what distinguishes it, in reports and in accepted.py
    method, path, body, headers   of the request
    beside   the question of a stream that is answered meanwhile
    """

    name: str
    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    beside: Question | None = None

    @property
    def embeds(self) -> bool:
        """Whether llama.cpp's server answers it only when it was started for embeddings."""
        return "embedding" in self.path


def get(path: str) -> Question:
    return Question(f"GET {path}", "GET", path)


def raw(path: str, body: bytes, title: str, method: str = "POST", **headers: str) -> Question:
    """A body that is not JSON of ours, or a request that is odd in another way."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    told = {"Content-Type": "application/json"} | names
    return Question(f"{method} {path} {title}", method, path, body, told)


def post(path: str, body: Any, title: str | None = None) -> Question:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return raw(path, text.encode(), text if title is None else title)


def changed(path: str, base: Body, changes: Body, also: Body | None = None) -> Question:
    """`base` with `also` and `changes`, named by the changes."""
    body = {**base, **(also or {}), **changes}
    told = {key: "absent" if value is ABSENT else value for key, value in changes.items()}
    title = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return post(path, {key: value for key, value in body.items() if value is not ABSENT}, title)


def varied(
    path: str, base: Body, fields: Mapping[str, Sequence[Any]], also: Body | None = None
) -> Iterator[Question]:
    """One question for each value of each field."""
    for name, values in fields.items():
        for value in values:
            yield changed(path, base, {name: value}, also)
