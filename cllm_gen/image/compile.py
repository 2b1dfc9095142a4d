"""Compiles what changed, by ninja: a file is compiled again when it, a header it read, or its command did.

Objects lie in build/objects, in a folder for each compiler with its flags, so that images whose flags
for a file are the same share its object."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from cllm_gen.image.errors import BuildFailed
from cllm_gen.image.lock import locked
from cllm_gen.image.sources import Unit

_OBJECTS = "build/objects"
_STATUS = re.compile(r"\[(\d+)/(\d+)\] (.*)")


def compile_units(
    root: Path, folder: Path, units: Sequence[Unit], progress: Callable[[int, int, str], None]
) -> list[Path]:
    """Brings all objects up to date, as many at a time as there are processors; returns them in
    the order of `units`. `progress(done, total, source)` follows what is compiled. What ninja was told
    stays in `folder`. Objects of files that are gone are deleted."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "build.ninja"
    with locked(root / _OBJECTS):
        file.write_text(_ninja(units))
        _run(root, file, progress)
        _delete_orphans(root)
    return [root / _object(unit) for unit in units]


def write_commands(root: Path, units: Sequence[Unit]) -> None:
    """Tells editors how the files of one image are compiled: build/compile_commands.json."""
    entries = [
        {
            "directory": str(root),
            "file": unit.source,
            "output": _object(unit),
            "arguments": [*_command(unit), unit.source, "-o", _object(unit)],
        }
        for unit in units
    ]
    (root / "build/compile_commands.json").write_text(json.dumps(entries, indent=1) + "\n")


def _command(unit: Unit) -> list[str]:
    """Compiler and flags, without file names."""
    return [unit.compiler, *unit.flags, "-c"]


def _key(unit: Unit) -> str:
    """Names the folder for the objects of this compiler and these flags."""
    return hashlib.sha256("\n".join(_command(unit)).encode()).hexdigest()[:12]


def _object(unit: Unit) -> str:
    """Where a unit's object lies, from the root."""
    return f"{_OBJECTS}/{_key(unit)}/{unit.source}.o"


def _ninja(units: Sequence[Unit]) -> str:
    """The build file; https://ninja-build.org/manual.html has the language. A compiler that refuses leaves
    no object, not even an old one."""
    lines = [f"builddir = {_OBJECTS}", ""]
    for key, unit in {_key(unit): unit for unit in units}.items():
        command = shlex.join(_command(unit)).replace("$", "$$")
        lines += [
            f"rule compile_{key}",
            f"  command = rm -f $out && {command} -MD -MF $out.d $in -o $out",
            "  depfile = $out.d",
            "  description = $in",
            "",
        ]
    for unit in units:
        lines.append(f"build {_path(_object(unit))}: compile_{_key(unit)} {_path(unit.source)}")
    return "\n".join([*lines, ""])


def _path(name: str) -> str:
    return re.sub(r"([$ :])", r"$\1", name)


def _run(root: Path, file: Path, progress: Callable[[int, int, str], None]) -> None:
    """Runs ninja; raises BuildFailed with the compiler's own words."""
    tool = Path(sys.executable).with_name("ninja")
    command = [str(tool) if tool.exists() else "ninja", "-f", os.path.relpath(file, root)]
    environment = {**os.environ, "NINJA_STATUS": "[%f/%t] "}
    try:
        ninja = subprocess.Popen(
            command,
            cwd=root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except FileNotFoundError:
        raise BuildFailed("ninja is not installed; `make setup` installs it") from None
    said: list[str] = []
    try:
        lines = iter(ninja.stdout or ())
        for line in lines:
            if status := _STATUS.fullmatch(line.rstrip()):
                progress(int(status[1]), int(status[2]), status[3])
            elif line.startswith("FAILED: "):
                next(lines)  # the command
            elif not line.startswith("ninja: build stopped"):
                said.append(line)
    except BaseException:
        ninja.terminate()
        raise
    finally:
        ninja.wait()
    if ninja.returncode:
        where = f"the commands are in {os.path.relpath(file, root)}"
        raise BuildFailed(f"{''.join(said).rstrip()}\n  {where}")


def _delete_orphans(root: Path) -> None:
    """Objects of files that are gone, whichever image had them."""
    for object_file in (root / _OBJECTS).rglob("*.o"):
        source = Path(*object_file.relative_to(root / _OBJECTS).parts[1:]).with_suffix("")
        if not (root / source).exists():
            object_file.unlink()
            object_file.with_name(object_file.name + ".d").unlink(missing_ok=True)
