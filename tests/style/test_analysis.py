"""clang-tidy finds nothing in the hand-written C of the kernel, compiled as for debug images. What it
looks for is in .clang-tidy. A file in which it found nothing is looked at again when the file, a header,
its flags or the checks have changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from cllm_gen.image.sources import units
from cllm_gen.spec.load import load_appliances
from tests.native import ROOT
from tests.style.test_style import tracked

TOOL = str(Path(sys.executable).with_name("clang-tidy"))
CLEAN = ROOT / "build" / "tests" / "analysis"
"""Holds an empty file for every look that found nothing."""


def for_clang(flags: Sequence[str]) -> list[str]:
    """GCC's flags, with clang's own headers in place of GCC's, which lie outside of the project."""
    kept: list[str] = []
    for flag in flags:
        if flag.startswith("/") and kept[-1] == "-isystem":
            kept.pop()
        else:
            kept.append("-nostdlibinc" if flag == "-nostdinc" else flag)
    return kept


def flags_by_file() -> dict[str, list[str]]:
    """The kernel's files, each with its flags in one image that holds it."""
    found: dict[str, list[str]] = {}
    for appliance in load_appliances(ROOT):
        for target in appliance.targets:
            for unit in units(ROOT, appliance, target, debug=True):
                if unit.source.startswith("kernel_static/") and unit.source.endswith(".c"):
                    found.setdefault(unit.source, for_clang(unit.flags))
    return found


def shared() -> str:
    """What every look depends on: the tool, the checks and all headers."""
    folders = (ROOT / "kernel_static", ROOT / "generated")
    headers = sorted(path for folder in folders for path in folder.rglob("*.h"))
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / ".clang-tidy", *headers)]
    return "\0".join([version("clang-tidy"), *texts])


def findings(file: str, flags: list[str], every_look: str) -> str:
    """What clang-tidy says of a file; empty if nothing."""
    parts = [every_look, *flags, (ROOT / file).read_text(encoding="utf-8")]
    clean = CLEAN / hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    if clean.exists():
        return ""
    command = [TOOL, "--quiet", file, "--", *flags]
    looked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if looked.returncode == 0:
        clean.touch()
        return ""
    return looked.stdout + looked.stderr


def test_static_analysis_finds_nothing():
    CLEAN.mkdir(parents=True, exist_ok=True)
    every, look = flags_by_file(), shared()
    assert set(tracked("kernel_static/*.c")) <= set(every), "a file that no image holds"
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = list(pool.map(lambda item: findings(*item, look), every.items()))
    assert "".join(found) == ""
