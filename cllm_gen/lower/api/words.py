"""Names told apart by bytes: a tree whose edges are words of eight bytes (include/word.h).

A name never shares a word with the ones beside it unless it shares those eight bytes, so adding a
name adds branches and moves none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORD_BYTES = 8


def word_tree(names: Mapping[str, Any], offset: int = 0) -> dict:
    """The tree over `names` from byte `offset` on, in the order given; each name has its meaning.

    {"offset": n, "cases": [{"word": C arguments, "text": for a comment,
                             "leaf": {"count", "result"} or None, "next": tree or None}]}
    """
    groups: dict[str, dict[str, Any]] = {}
    for name, result in names.items():
        groups.setdefault(name[offset : offset + WORD_BYTES], {})[name] = result
    cases = []
    for word, group in groups.items():
        ended = [name for name in group if len(name) <= offset + WORD_BYTES]
        longer = {name: result for name, result in group.items() if name not in ended}
        cases.append(
            {
                "word": ", ".join(_character(c) for c in word.ljust(WORD_BYTES, "\0")),
                "leaf": {"count": len(ended[0]), "result": group[ended[0]]} if ended else None,
                "next": word_tree(longer, offset + WORD_BYTES) if longer else None,
            }
        )
    return {"offset": offset, "cases": cases}


def _character(character: str) -> str:
    if character == "\0":
        return "0"
    return f"'{character}'" if character not in "'\\" else f"'\\{character}'"


def c_string(text: str) -> str:
    """A C string literal of ASCII text (other characters as UTF-8 octal escapes)."""
    out = []
    for byte in text.encode("utf-8"):
        character = chr(byte)
        if character in '"\\':
            out.append("\\" + character)
        elif character == "?" or not 32 <= byte < 127:
            out.append(f"\\{byte:03o}")
        else:
            out.append(character)
    return '"' + "".join(out) + '"'
