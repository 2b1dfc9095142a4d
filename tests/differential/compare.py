"""What two answers to one question differ in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tests.differential.answer import Answer
from tests.differential.shape import is_text, type_of, types, values

KINDS = ("status", "media", "missing", "added", "type", "text", "value")
"""Of differences: `missing` and `added` keys are of ours."""
_LONGEST = 60


@dataclass(frozen=True)
class Difference:
    """question  its name
    kind      of KINDS
    path      where in the JSON; empty for all of it
    theirs, ours   what is there, as text; empty where nothing is
    """

    question: str
    kind: str
    path: str = ""
    theirs: str = ""
    ours: str = ""

    @property
    def what(self) -> str:
        """What rules of accepted.py match: kind and path; of a status or a type also both sides."""
        if self.kind in ("status", "media"):
            return f"{self.kind} {self.theirs} {self.ours}"
        if self.kind == "type":
            return f"type {self.path} {self.theirs} {self.ours}"
        return f"{self.kind} {self.path}".rstrip()


def compare(name: str, theirs: Answer, ours: Answer) -> list[Difference]:
    """Of answers with different statuses nothing else is compared."""
    if theirs.status != ours.status:
        return [Difference(name, "status", "", str(theirs.status), str(ours.status))]
    if theirs.media != ours.media:
        return [Difference(name, "media", "", theirs.media or "none", ours.media or "none")]
    return [*_shapes(name, theirs, ours), *_values(name, theirs, ours)]


def _parent_in(path: str, paths: set[str]) -> bool:
    return any(
        path.startswith((f"{other}.", f"{other}[]")) or (not other and path) for other in paths
    )


def _shapes(name: str, theirs: Answer, ours: Answer) -> list[Difference]:
    left, right = types(theirs), types(ours)
    empty = {path[:-2] for path in left.keys() ^ right.keys() if path.endswith("[]")}
    """Arrays that one of the two has no element of: what is in the other's is not compared."""
    changed = {path for path in left.keys() & right.keys() if left[path] != right[path]}
    found = [
        Difference(name, "type", path, "|".join(sorted(left[path])), "|".join(sorted(right[path])))
        for path in sorted(changed)
    ]
    for kind, here, there in (("missing", left, right), ("added", right, left)):
        alone = here.keys() - there.keys()
        hidden = set(alone) | changed | empty
        for path in sorted(alone):
            if _parent_in(path, hidden):
                continue
            sides = ("|".join(sorted(here[path])), "")
            found.append(
                Difference(name, kind, path, *(sides if kind == "missing" else sides[::-1]))
            )
    return found


def _same(left: Any, right: Any) -> bool:
    numbers = [type_of(each) == "number" for each in (left, right)]
    if all(numbers):
        return math.isclose(left, right, rel_tol=1e-5, abs_tol=1e-9)
    return type(left) is type(right) and left == right


def _values(name: str, theirs: Answer, ours: Answer) -> list[Difference]:
    left, right = values(theirs), values(ours)
    kinds, others = types(theirs), types(ours)
    found = []
    for path in sorted(left.keys() & right.keys()):
        if kinds[path] != others[path]:
            continue
        pairs = list(zip(left[path], right[path], strict=False))
        if len(left[path]) == len(right[path]) and all(_same(*pair) for pair in pairs):
            continue
        kind = "text" if is_text(path) else "value"
        found.append(Difference(name, kind, path, _short(left[path]), _short(right[path])))
    return found


def _short(each: list[Any]) -> str:
    text = ", ".join(repr(value) for value in each)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
