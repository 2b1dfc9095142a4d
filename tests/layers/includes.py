"""Reads every #include of the kernel's C and assembly, by hand or generated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from tests.layers.order import FREESTANDING, HOSTS, KERNEL

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)
_VECTORS = re.compile(r"\w+intrin\.h")


@dataclass(frozen=True)
class Include:
    """`file`, from the checkout's root, includes `header` as it is written there."""

    file: str
    header: str
    system: bool

    def __str__(self) -> str:
        return f"{self.file} includes {self.header}"


def sources(root: Path) -> list[str]:
    """All C of the kernel, from the checkout's root."""
    found = [
        path for folder in ("kernel_static", "generated") for path in (root / folder).rglob("*")
    ]
    return sorted(p.relative_to(root).as_posix() for p in found if p.suffix in (".c", ".h", ".S"))


def includes_of(file: str, text: str) -> Iterator[Include]:
    for mark, header in _INCLUDE.findall(text):
        yield Include(file, header, mark == "<")


@cache
def layer(file: str) -> tuple[int, str] | None:
    """The row and the name of the layer that a file belongs to; None: it has no place."""
    for row, members in enumerate(KERNEL):
        for name, part in members.items():
            seams = [f"kernel_static/include/{header}" for header in part.headers.split()]
            if file in seams or any(PurePosixPath(file).match(glob) for glob in part.files.split()):
                return row, name
    return None


def candidates(found: Include, files: frozenset[str]) -> list[str]:
    """The files that an include may mean, one for each target or appliance."""
    beside = f"{found.file.rpartition('/')[0]}/{found.header}"
    return [beside] if beside in files else _found(found.header, files)


@cache
def _found(header: str, files: frozenset[str]) -> list[str]:
    """Where the compiler looks for a header of another folder."""
    folders = "kernel_static/include generated generated/appliances/* generated/surfaces/* kernel_static/arch/* kernel_static/cpu/*"
    globs = [f"{folder}/{header}" for folder in folders.split()]
    return [file for file in files if any(PurePosixPath(file).match(glob) for glob in globs)]


def wrong(found: Include, files: frozenset[str]) -> str:
    """What is wrong with an include; "" where nothing is."""
    if found.system:
        ours = f"kernel_static/libc/include/{found.header}" in files
        known = ours or found.header in FREESTANDING.split() or _VECTORS.fullmatch(found.header)
        return (
            "" if known or found.file.startswith(HOSTS) else f"{found}, which libc/ does not have"
        )
    meant = candidates(found, files)
    if not meant:
        return f"{found}, which no folder has"
    for file in meant:
        here, there = layer(found.file), layer(file)
        if here is None or there is None:
            return f"{found}: give {file if here else found.file} a place in tests/layers/order.py"
        seam = file.startswith(("kernel_static/include/", "generated/"))
        if here[1] != there[1] and (there[0] >= here[0] or not seam):
            how = (
                "beside"
                if there[0] == here[0]
                else "above" if there[0] > here[0] else "private below"
            )
            return f"{found}, which is {how} it: {there[1]} and {here[1]}"
    return ""
