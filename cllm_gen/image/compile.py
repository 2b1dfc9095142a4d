"""Compiles what changed: a file is compiled again when it, a header it read, or its command did, and
once for all build folders side by side whose flags for it are the same."""

from __future__ import annotations

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Sequence

from cllm_gen.image.errors import BuildFailed
from cllm_gen.image.sources import Unit
from cllm_gen.image.tool import run_tool


def object_path(folder: Path, unit: Unit) -> Path:
    """Where a unit's object lies in the build folder."""
    return folder / "objects" / (unit.source + ".o")


def _command(root: Path, folder: Path, unit: Unit) -> list[str]:
    object_file = object_path(folder, unit)
    output = os.path.relpath(object_file, root)
    return [unit.compiler, *unit.flags, "-MMD", "-MP", "-c", unit.source, "-o", output]


def _dependencies(file: Path) -> list[str]:
    """The files that a make-style dependency file names before its first empty rule."""
    text = file.read_text().replace("\\\n", " ")
    rule = text.split("\n", 1)[0].split(":", 1)[1]
    return rule.replace("\\ ", "\0").split()


def is_stale(root: Path, folder: Path, unit: Unit) -> bool:
    """Whether the unit must be compiled."""
    object_file = object_path(folder, unit)
    record, needed = object_file.with_suffix(".cmd"), object_file.with_suffix(".d")
    try:
        if record.read_text() != "\n".join(_command(root, folder, unit)):
            return True
        made = object_file.stat().st_mtime_ns
        names = (name.replace("\0", " ") for name in _dependencies(needed))
        return any((root / name).stat().st_mtime_ns >= made for name in names)
    except (FileNotFoundError, NotADirectoryError):
        return True


def _twin(root: Path, folder: Path, unit: Unit) -> Path | None:
    """An object of the same source and flags, and up to date, in a folder beside this one."""
    for other in sorted(folder.parent.iterdir()):
        if other != folder and not is_stale(root, other, unit):
            return object_path(other, unit)
    return None


def _compile(root: Path, folder: Path, unit: Unit) -> None:
    object_file = object_path(folder, unit)
    record = object_file.with_suffix(".cmd")
    object_file.parent.mkdir(parents=True, exist_ok=True)
    record.unlink(missing_ok=True)
    command = _command(root, folder, unit)
    twin = _twin(root, folder, unit)
    if twin is None:
        run_tool(root, command)
    else:
        shutil.copyfile(twin.with_suffix(".d"), object_file.with_suffix(".d"))
        shutil.copyfile(twin, object_file)
    record.write_text("\n".join(command))


def compile_units(
    root: Path, folder: Path, units: Sequence[Unit], progress: Callable[[int, int, str], None]
) -> list[Path]:
    """Brings all objects up to date, as many at a time as there are processors; returns them in
    the order of `units`. `progress(done, total, source)` follows the stale ones. Objects of files
    that are gone are deleted."""
    stale = [unit for unit in units if is_stale(root, folder, unit)]
    lock, done = threading.Lock(), 0

    def one(unit: Unit) -> None:
        nonlocal done
        _compile(root, folder, unit)
        with lock:
            done += 1
            progress(done, len(stale), unit.source)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        tasks = [pool.submit(one, unit) for unit in stale]
        try:
            for task in tasks:
                task.result()
        except BuildFailed:
            pool.shutdown(cancel_futures=True)
            raise
    objects = [object_path(folder, unit) for unit in units]
    for orphan in set((folder / "objects").rglob("*.o")) - set(objects):
        orphan.unlink()
    return objects
