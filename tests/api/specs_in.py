"""Loads API families from texts, as if they stood in a checkout's specs/api."""

from __future__ import annotations

import importlib.util
import linecache
from pathlib import Path

from cllm_gen.spec.api import Api

HEADER = """from cllm_gen.spec.api import Api, Route, Text
from cllm_gen.spec.schema import *
"""
"""Two lines, so a text's first line is line 3 of its file."""


def load(folder: Path, name: str, text: str) -> Api:
    """Executes HEADER and text as specs/api/NAME.py below folder; returns its `api`."""
    path = folder / "specs" / "api" / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + text, encoding="utf-8")
    linecache.checkcache()
    spec = importlib.util.spec_from_file_location(f"spec_{name}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.api
