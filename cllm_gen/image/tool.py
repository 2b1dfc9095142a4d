"""Runs one tool of the build."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from cllm_gen.image.errors import BuildFailed


def run_tool(root: Path, command: Sequence[str]) -> str:
    """Runs it in `root` and returns its output; its own words if it refuses."""
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    except FileNotFoundError:
        raise BuildFailed(f"{command[0]} is not installed; `make setup` installs it") from None
    if done.returncode != 0:
        raise BuildFailed(f"{command[0]} failed\n{done.stderr.strip()}\n  {' '.join(command)}")
    return done.stdout
