"""The one place that touches `generated/`: render, format, parse, write if changed, drop orphans."""

from __future__ import annotations

import difflib
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cllm_gen.emit.render import environment, render
from cllm_gen.emit.syntax import parse
from cllm_gen.lower.output import Output

STYLE = Path(__file__).parent / "style.yaml"
"""The one C style, of generated/ and kernel_static/ alike; the project's .clang-format links here."""


class OutputConflict(Exception):
    """Two outputs claim one path with different text."""


_known: dict[tuple[str, str], str] = {}
"""(path, text) of a source file to its formatted text, for calls to come: `diff` formats the same
files of two trees."""


def _formatted(sources: dict[str, str]) -> dict[str, str]:
    """Source files, by path, as the pinned clang-format wheel lays them out."""
    new = [path for path, text in sources.items() if (path, text) not in _known]
    tool = Path(sys.executable).with_name("clang-format")
    command = [str(tool) if tool.exists() else "clang-format", "-i", f"--style=file:{STYLE}"]
    with tempfile.TemporaryDirectory() as name:
        files = {path: Path(name) / path for path in new}
        for path, file in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(sources[path], encoding="utf-8")
        if new:
            subprocess.run([*command, *map(str, files.values())], check=True)
        for path, file in files.items():
            _known[path, sources[path]] = file.read_text(encoding="utf-8")
    return {path: _known[path, text] for path, text in sources.items()}


def texts(outputs: Iterable[Output]) -> dict[str, str]:
    """Path below `generated/` to final bytes-as-text, in path order."""
    templates = environment()
    rendered: dict[str, str] = {}
    for output in outputs:
        text = render(output, templates)
        if rendered.setdefault(output.path, text) != text:
            raise OutputConflict(f"two different outputs for generated/{output.path}")
    sources = {path: text for path, text in rendered.items() if path.endswith((".c", ".h"))}
    return dict(sorted((rendered | _formatted(sources)).items()))


def on_disk(root: Path) -> dict[str, str]:
    """What `generated/` holds now."""
    base = root / "generated"
    files = sorted(path for path in base.rglob("*") if path.is_file()) if base.exists() else []
    return {
        path.relative_to(base).as_posix(): path.read_text(encoding="utf-8", errors="replace")
        for path in files
    }


def write(root: Path, wanted: dict[str, str], types: Iterable[str] = ()) -> list[str]:
    """Makes `generated/` hold exactly `wanted`; returns the changed paths. Nothing is written
    unless every changed C file parses, where `types` are names of types."""
    present = on_disk(root)
    changed = [path for path, text in wanted.items() if present.get(path) != text]
    for path in changed:
        if path.endswith((".c", ".h")):
            parse(path, wanted[path], types)
    base = root / "generated"
    for path in changed:
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_text(wanted[path], encoding="utf-8")
    orphans = [path for path in present if path not in wanted]
    for path in orphans:
        (base / path).unlink()
    for folder in sorted((p for p in base.rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    return sorted(changed + orphans)


def difference(root: Path, wanted: dict[str, str]) -> str:
    """A unified diff from what is on disk to what the specs say; empty when they agree."""
    present = on_disk(root)
    lines: list[str] = []
    for path in sorted(set(present) | set(wanted)):
        old, new = present.get(path), wanted.get(path)
        if old != new:
            lines += difflib.unified_diff(
                (old or "").splitlines(keepends=True),
                (new or "").splitlines(keepends=True),
                f"generated/{path} (on disk)" if old is not None else "/dev/null",
                f"generated/{path} (from specs)" if new is not None else "/dev/null",
            )
    return "".join(lines)
