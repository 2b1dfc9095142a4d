"""Where a spec says something, and how an error about it reads.

Every spec object carries a `Span`. A `SpecError` always names the place, what was found, what was
expected and an example that would be accepted, so that the message alone is enough to mend the spec.
"""

from __future__ import annotations

import linecache
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType


@dataclass(frozen=True)
class Span:
    """One line (and optionally column) of one source file; line and column count from 1."""

    file: str
    line: int
    column: int = 0

    @property
    def text(self) -> str:
        """The cited source line without its indentation."""
        return linecache.getline(self.file, self.line).strip()

    @property
    def path(self) -> str:
        """The file's path from the folder that holds `specs/`, the same on every machine."""
        parts = Path(self.file).parts
        if "specs" in parts:
            last = len(parts) - 1 - parts[::-1].index("specs")
            return "/".join(parts[last:])
        return Path(self.file).name

    def cite(self, name: str = "") -> str:
        """How generated code names this place, in words to search the file for: by `name`, or by the
        line's text, so that lines above it may move."""
        text = name or self.text.rstrip(",")
        bound = re.fullmatch(r"(\w+) = \w+\(", text)
        text = bound[1] if bound else text
        text = " ".join(text.replace("*/", "* /").replace("/*", "/ *").split())
        return f"{self.path} | {text}"

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}"
        return f"{place}:{self.column}" if self.column else place


def caller_span() -> Span:
    """The spec line that is being executed: the innermost frame outside `cllm_gen`."""
    package = str(Path(__file__).resolve().parent)
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((package, "<")) and "dataclasses" not in file:
            return Span(file, frame.f_lineno)
        frame = frame.f_back
    return Span("<unknown>", 0)


class SpecError(Exception):
    """A spec that cannot mean anything. Printed whole by the command line; never a traceback."""

    def __init__(self, span: Span, found: str, expected: str, example: str):
        self.span, self.found, self.expected, self.example = span, found, expected, example
        super().__init__(f"{span}: found {found}\n  expected: {expected}\n  example:  {example}")
