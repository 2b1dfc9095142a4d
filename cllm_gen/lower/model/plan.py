"""Activation memory: an offset for every buffer such that buffers live at one time never overlap."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

ALIGNMENT = 64  # bytes; the widest vector load of any instruction set

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Lifetime(Generic[Key]):
    """A buffer of `size` bytes, live from operation `first` to operation `last`, both included."""

    key: Key
    size: int
    first: int
    last: int


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def plan(lifetimes: Sequence[Lifetime[Key]]) -> tuple[dict[Key, int], int]:
    """Offsets by key, and the size of the whole. First fit in order of first use: a layer that
    repeats finds memory as its predecessor did, so equal layers get equal offsets and can share
    one function."""
    offsets: dict[Key, int] = {}
    placed: list[tuple[int, int, Lifetime[Key]]] = []  # (start, end, buffer) of buffers still live
    total = 0
    order = sorted(range(len(lifetimes)), key=lambda i: (lifetimes[i].first, i))
    for buffer in (lifetimes[i] for i in order):
        placed = [entry for entry in placed if entry[2].last >= buffer.first]
        start = 0
        for begin, end, _ in sorted(placed, key=lambda entry: entry[:2]):
            if start + aligned(buffer.size) <= begin:
                break
            start = max(start, end)
        offsets[buffer.key] = start
        placed.append((start, start + aligned(buffer.size), buffer))
        total = max(total, start + aligned(buffer.size))
    return offsets, total
