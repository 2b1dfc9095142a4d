"""Shared objects that tests compile, kept under build/tests by all that goes into them: a run of the
tests compiles what has changed since the last one, and one worker takes what another made."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from tests.native import ROOT


@cache
def _compiler() -> str:
    """What `gcc` is here."""
    return subprocess.run(["gcc", "-v"], check=True, capture_output=True, text=True).stderr


@cache
def sources(*folders: str) -> str:
    """The text of every C file and header below folders of the checkout, as a part of a key."""
    files = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.[ch]"))
    return "\0".join(path.read_text(encoding="utf-8") for path in files)


def kept(parts: Iterable[str], make: Callable[[Path], Path], target: Path) -> Path:
    """Puts at `target` the file that `make` makes in a folder which then vanishes, or one that was
    made of the same parts before. Parts are everything that it depends on but the compiler."""
    key = hashlib.sha256("\0".join([_compiler(), *parts]).encode()).hexdigest()[:24]
    known = ROOT / "build" / "tests" / key
    known.parent.mkdir(parents=True, exist_ok=True)
    with open(known.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be making it
        if not known.exists():
            with tempfile.TemporaryDirectory(dir=known.parent) as folder:
                make(Path(folder)).replace(known)
    shutil.copyfile(known, target)
    return target
