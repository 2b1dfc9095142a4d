"""Builds the libc subset as the images do (freestanding, their flags) for tests on the host: as a
library whose functions are called kernel_<name>, and as an i386 program without any libc."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LIBC = ROOT / "kernel_static/libc"
SOURCES = [
    *(
        LIBC / f"{name}.c"
        for name in ("ctype", "decimal", "division", "format", "stdlib", "string")
    ),
    ROOT / "kernel_static/lib/mathematics.c",
]
FLAGS = (
    "-std=gnu11 -O2 -g -Wall -Wextra -Werror -fno-strict-aliasing -ffp-contract=off "
    "-ffreestanding -fbuiltin -nostdinc -D_MM_MALLOC_H_INCLUDED -fno-stack-protector"
).split()


def _run(*command: object) -> str:
    return subprocess.run(
        list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def includes() -> list[str]:
    compiler = _run("gcc", "-print-file-name=include").strip()
    return [
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
            "gcc", *FLAGS, *sanitize, "-fPIC", "-DDIVISION_TEST", *includes(),
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
    """driver.c for i386 or x86_64, linked with the subset and nothing else."""
    machine = {
        "i386": "-m32 -march=i686 -msse2 -mfpmath=sse".split(),
        "x86_64": ["-m64"],
    }[target]
    output = folder / f"driver-{target}"
    _run(
        "gcc", *FLAGS, *machine, *includes(), "-static", "-nostdlib", "-no-pie", "-fno-pie",
        ROOT / "tests/libc/driver.c", *SOURCES, "-o", output,
    )  # fmt: skip
    return output
