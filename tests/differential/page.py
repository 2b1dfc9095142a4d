"""specs/api/DIFFERENCES.md, from accepted.py. `python -m tests.differential.page` writes it."""

from __future__ import annotations

from pathlib import Path

from tests.differential.accept import Chapter

PAGE = Path(__file__).resolve().parents[2] / "specs" / "api" / "DIFFERENCES.md"
_HEAD = """# Where our answers differ from those of llama.cpp's server

`make differential` asks both servers the same questions ([tests/differential](../../tests/differential)) with the
same weights at temperature 0, and compares status, media type, keys, types, texts and other values. What is below is
all that it finds, and it fails when a row is no longer true. Rows stand for *questions* (all, where none are named) and
*differences*: `missing` and `added` keys are of ours, `status` and `type` have theirs first, `*` is anything.

Written by `python -m tests.differential.page` from [accepted.py](../../tests/differential/accepted.py).
"""


def page(chapters: tuple[Chapter, ...]) -> str:
    parts = [_HEAD]
    for chapter in chapters:
        rows = ["| why | differences | questions |", "|---|---|---|"]
        for rule in chapter.rules:
            where = "" if rule.where == ("*",) else _codes(rule.where)
            rows.append(f"| {rule.because} | {_codes(rule.what)} | {where} |")
        parts.append("\n".join([f"## {chapter.title}", "", *rows, ""]))
    return "\n".join(parts)


def _codes(texts: tuple[str, ...]) -> str:
    return "<br>".join("`" + text.replace("|", "\\|") + "`" for text in texts)


if __name__ == "__main__":
    from tests.differential.accepted import CHAPTERS

    PAGE.write_text(page(CHAPTERS), encoding="utf-8")
