"""A JSON value as what can be compared: the types at each path, and the values that mean the same
whenever they are asked for.

A path is keys joined by dots; an element of an array is `[]`. A stream has the paths of its events,
each under the event's name, and the texts of its events are joined."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from tests.differential.answer import Answer

VOLATILE = (
    "*created", "*created_at", "*completed_at", "*system_fingerprint", "*build_info", "*model_path",
    "*seed", "*id_slot", "*id_task", "*timings.*", "*time_ms", "*_ms", "*meta.size",
    "*cached_tokens", "*tokens_cached", "*cache_read_input_tokens", "*usage.input_tokens",
    "*prompt_progress.*", "*choices[].id", "*.message", "*logprob", "*prob", "*top_logprobs*",
    "*top_probs*", "*token_logprobs*", "*embedding*", "*sequence_number", "*item_id",
    "?].n_prompt_tokens*", "?].next_token*", "?].params.*",
)  # fmt: skip
"""Paths whose values are of one moment, one machine or one arithmetic: only their types are compared."""
OPTIONAL = ("*timings.draft_n", "*timings.draft_n_accepted")
"""Keys that are there when tokens happened to be guessed."""
_IDS = ("cmpl-", "chatcmpl-", "msg_", "resp_", "rs_")
_TEXTS = ("content", "text", "delta", "prompt")


_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "number"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)


def type_of(value: Any) -> str:
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "null")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _walk(each, _join(path, key))
    elif isinstance(value, list):
        for each in value:
            yield from _walk(each, path + "[]")


def _index(data: Any) -> int:
    """Of the answer that an event belongs to."""
    if not isinstance(data, dict):
        return 1 << 30
    choices = data.get("choices")
    if isinstance(choices, list):
        return choices[0].get("index", 0) if choices else 1 << 29
    return data.get("index", 0)


def _parts(answer: Answer) -> Iterator[tuple[str, Any]]:
    """Everything with its path, a stream's events in the order of the answers they belong to."""
    if answer.events is None:
        yield from _walk(answer.body, "")
        return
    for name, data in sorted(answer.events, key=lambda event: _index(event[1])):
        yield from _walk(data, name)


def types(answer: Answer) -> dict[str, frozenset[str]]:
    """By path, the types that are there."""
    found: dict[str, set[str]] = {}
    for path, value in _parts(answer):
        if not any(fnmatchcase(path, each) for each in OPTIONAL):
            found.setdefault(path, set()).add(type_of(value))
    return {path: frozenset(kinds) for path, kinds in found.items()}


def values(answer: Answer) -> dict[str, Any]:
    """By path, the values that are there: of a stream, texts joined and others without repetition;
    else a list of all."""
    found: dict[str, list[Any]] = {}
    for path, value in _parts(answer):
        if isinstance(value, dict | list) or any(fnmatchcase(path, each) for each in VOLATILE):
            continue
        if isinstance(value, str) and value.startswith(_IDS):
            value = "an id"
        found.setdefault(path, []).append(value)
    if answer.events is None:
        return found
    return {path: _told(path, each) for path, each in found.items()}


def _told(path: str, each: list[Any]) -> Any:
    if is_text(path) and all(isinstance(value, str) for value in each):
        return ["".join(each)]
    return [value for at, value in enumerate(each) if at == 0 or value != each[at - 1]]


def is_text(path: str) -> bool:
    """Whether what is there is text that a model read or wrote."""
    return path.rpartition(".")[2] in _TEXTS
