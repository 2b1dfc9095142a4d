"""Compiles kernel sources as shared libraries for ctypes, with the undefined-behaviour sanitizer."""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "kernel_static"
FLAGS = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]
UNDEFINED = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
INCLUDES = ["kernel_static/include", "generated", "generated/appliances/smollm2"]
INCLUDES += ["generated/surfaces/openai"]
HEAP = ["kernel_static/mem/heap.c", "kernel_static/mem/memory.c", "kernel_static/mem/tlsf.c"]
METRICS = ["kernel_static/runtime/exposition.c", "generated/metrics/table.c"]
SUPPORT = ["tests/native_support.c", "tests/native_coroutine.c"]


def library(folder: Path, sources: list[str], flags: list[str] = UNDEFINED) -> ctypes.CDLL:
    """Builds the sources (paths from the checkout's root) into folder and loads the result."""
    key = hashlib.sha256("\n".join([*sources, *flags]).encode()).hexdigest()[:12]
    output = folder / f"native-{key}.so"
    if not output.exists():
        includes = [f"-I{ROOT / path}" for path in INCLUDES]
        files = [str(ROOT / path) for path in sources]
        subprocess.run(["gcc", *FLAGS, *flags, *includes, *files, "-o", str(output)], check=True)
    return ctypes.CDLL(str(output))


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """A stream of a process that was started with a pipe there."""
    assert stream is not None
    return stream


def with_heap(lib: ctypes.CDLL, size: int = 16 << 20) -> ctypes.CDLL:
    """Gives the library's heap `size` bytes; call once per loaded library."""
    lib.test_start_heap(ctypes.c_size_t(size))
    return lib
