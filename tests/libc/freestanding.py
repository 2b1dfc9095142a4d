"""Builds the libc subset as the images do (freestanding, their flags) for tests on the host: as a
library whose functions are called kernel_<name>, and as an i386 program without any libc."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

from cllm_gen.image.sources import FLAGS
from tests.targets import TARGETS

ROOT = Path(__file__).resolve().parent.parent.parent
LIBC = ROOT / "kernel_static/libc"
SOURCES = [
    *(
        LIBC / f"{name}.c"
        for name in ("ctype", "decimal", "format", "format_put", "format_real", "stdlib", "string")
    ),
    ROOT / "kernel_static/arch/i386/division.c",
    ROOT / "kernel_static/lib/mathematics.c",
]


def _run(*command: object) -> str:
    return subprocess.run(
        list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def includes() -> list[str]:
    compiler = _run("gcc", "-print-file-name=include").strip()
    return [
        "-nostdinc",
        "-isystem",
        str(LIBC / "include"),
        "-isystem",
        compiler,
        "-I",
        f"{ROOT}/kernel_static/include",
    ]


def library(folder: Path) -> ctypes.CDLL:
    """Every global function of the subset, renamed so that the host's own stay in force."""
    objects = []
    for source in SOURCES:
        compiled = folder / f"{source.stem}.o"
        sanitize = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
        _run(
            "gcc", *FLAGS, *TARGETS["x86_64"].flags, *sanitize, "-fPIC", *includes(),
            "-c", source, "-o", compiled,
        )  # fmt: skip
        objects.append(compiled)
    defined = _run("nm", "--defined-only", "-g", "--format=just-symbols", *objects).split()
    renames = folder / "renames"
    names = sorted(name for name in defined if not name.endswith(":"))
    renames.write_text("".join(f"{name} kernel_{name}\n" for name in names))
    for compiled in objects:
        _run("objcopy", f"--redefine-syms={renames}", compiled)
    output = folder / "libc-subset.so"
    _run("gcc", "-shared", "-fsanitize=undefined", *objects, "-o", output)
    return ctypes.CDLL(str(output))


def program(folder: Path, target: str) -> Path:
    """driver.c for a bare target, linked with the subset and nothing else."""
    output = folder / f"driver-{target}"
    _run(
        "gcc", *FLAGS, *TARGETS[target].flags, *includes(), "-static", "-nostdlib", "-no-pie",
        ROOT / "tests/libc/driver.c", *SOURCES, "-o", output,
    )  # fmt: skip
    return output
