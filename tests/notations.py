"""Writes a notation into a spec file of its own and reads it, so that spans are those a user sees."""

from __future__ import annotations

import linecache
import runpy
from pathlib import Path

import pytest

from cllm_gen.source import SpecError


def refusal(folder: Path, call: str, text: str) -> tuple[SpecError, str, int]:
    """The error that `call` (with TEXT standing for the literal) raises, the file's path as errors
    show it, and the line before the notation's first."""
    file = folder / "specs" / "case.py"
    file.parent.mkdir(exist_ok=True)
    head = (
        "from cllm_gen.spec.device import *\nfrom cllm_gen.spec.protocol import Protocol\n\nspec = "
    )
    file.write_text(head + call.replace("TEXT", '"""' + text + '"""'))
    linecache.checkcache()
    with pytest.raises(SpecError) as caught:
        runpy.run_path(str(file))
    first = file.read_text().split('"""')[0].count("\n") + 1
    return caught.value, "specs/case.py", first
