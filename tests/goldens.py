"""Compares what a small spec generates with files that were read by a person once."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

from cllm_gen.emit.syntax import parse
from cllm_gen.emit.tree import texts


def check(spec: Path, outputs: Callable) -> None:
    """`<spec>.py` defines `<spec>`; its outputs must equal the files beside it. A difference that is
    meant is accepted by copying the text that the failure shows."""
    made = texts(outputs(runpy.run_path(str(spec))[spec.stem]))
    for path, text in made.items():
        if path.endswith(".h"):
            parse(path, text)
        assert text == (spec.parent / Path(path).name).read_text(encoding="utf-8"), path
