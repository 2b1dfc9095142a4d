"""What a run found, as Markdown: every difference, under the rule that accepts it."""

from __future__ import annotations

from tests.differential.accept import Verdict
from tests.differential.compare import Difference


def markdown(verdict: Verdict, asked: int) -> str:
    lines = [f"# {asked} questions", ""]
    lines += ["## Not accepted", "", *_table(verdict.unlisted)]
    for rule, found in verdict.listed.items():
        lines += ["", f"## {rule.because}", "", *_table(found)]
    return "\n".join(lines) + "\n"


def _table(found: list[Difference]) -> list[str]:
    head = ["| question | kind | where | llama.cpp's | ours |", "|---|---|---|---|---|"]
    rows = [
        (_code(each.question), each.kind, _code(each.path), _code(each.theirs), _code(each.ours))
        for each in found
    ]
    return [*head, *(f"| {' | '.join(row)} |" for row in rows)] if rows else ["None."]


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|").replace("\n", " ") if text else ""
