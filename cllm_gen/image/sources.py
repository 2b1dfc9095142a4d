"""Which C and assembly files make an image, and with which compiler flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cllm_gen.lower.api.outputs import family_of
from cllm_gen.spec.appliance import Appliance

TARGETS = ("i386", "x86_64", "hosted")

_COMMON = (
    "-std=gnu11 -O2 -g -Wall -Wextra -Werror -fno-strict-aliasing -ffp-contract=off "
    "-fno-omit-frame-pointer -fno-optimize-sibling-calls"
).split()
_BARE = (
    "-ffreestanding -fbuiltin -nostdinc -D_MM_MALLOC_H_INCLUDED -fno-pic -fno-pie "
    "-fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables -fcf-protection=none "
    "-ffunction-sections -fdata-sections"
).split()
_TARGET = {
    "i386": "-m32 -march=i686 -msse2 -mfpmath=sse -mtune=generic".split(),
    "x86_64": "-m64 -mno-red-zone -mtune=generic".split(),
    "hosted": "-m64 -mtune=generic".split(),
}
SANITIZERS = {
    "memory": ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"),
    "threads": ("-fsanitize=thread",),
}
"""What a hosted image can be made to watch itself for, and how the compiler and linker are told."""
# Kernels are leaves whose loops want every register; a backtrace starts at their caller.
_KERNEL = ("-O3", "-fomit-frame-pointer")


@dataclass(frozen=True)
class Unit:
    """One file to compile; `source` is relative to the project's root."""

    source: str
    flags: tuple[str, ...]


def _folders(target: str) -> list[str]:
    """Folders below kernel_static/ that belong to the target, sorted."""
    shared = ["engine", "http", "lib", "mem", "runtime"]
    if target == "hosted":
        return sorted([*shared, "platform/linux"])
    return sorted([*shared, "arch/x86", f"arch/{target}", "drivers", "libc", "net", "platform/pc"])


def _files(root: Path, folder: str) -> list[str]:
    found = [path for path in (root / folder).rglob("*") if path.suffix in (".c", ".S")]
    return sorted(path.relative_to(root).as_posix() for path in found)


def _handlers(root: Path, appliance: Appliance) -> list[str]:
    """kernel_static/api without the handlers of families that the appliance does not serve, which are
    in files of their names."""
    served = {family_of(each).name for each in appliance.api}
    others = {path.stem for path in (root / "specs" / "api").glob("*.py")} - served
    return [
        file
        for file in _files(root, "kernel_static/api")
        if Path(file).stem not in others or '"api/handlers.h"' not in (root / file).read_text()
    ]


def _generated(root: Path, target: str, appliance: Appliance) -> list[str]:
    """Generated C of this appliance: its model's and what all appliances share."""
    carried = {f"kernels__{isa.name}.c" for isa in appliance.targets[target]}
    kept = []
    for file in _files(root, "generated"):
        parts = file.split("/")
        if parts[1] == "models" and parts[2] != appliance.model.name:
            continue
        if parts[1] == "appliances" and parts[2] != appliance.name:
            continue
        if parts[-1].startswith("kernels__") and parts[-1] not in carried:
            continue
        kept.append(file)
    return kept


def include_flags(root: Path, target: str, appliance: Appliance, freestanding: str) -> list[str]:
    """Where headers are found; `freestanding` is the compiler's own folder of headers."""
    flags = ["-Ikernel_static/include", "-Igenerated", f"-Igenerated/appliances/{appliance.name}"]
    if target != "hosted":
        flags += ["-Ikernel_static/arch/x86", f"-Ikernel_static/arch/{target}"]
        flags += ["-isystem", "kernel_static/libc/include", "-isystem", freestanding]
    return flags


def units(
    root: Path,
    target: str,
    appliance: Appliance,
    freestanding: str,
    debug: bool,
    sanitize: str | None,
) -> list[Unit]:
    """Every file of the image with its flags, in path order."""
    flags = [*_COMMON, *_TARGET[target], *(_BARE if target != "hosted" else ())]
    flags += include_flags(root, target, appliance, freestanding)
    flags += SANITIZERS[sanitize] if sanitize else []
    checks = ("-DDEBUG",) if debug else ()
    extra = {  # kernels have no checks: both kinds of image share their objects
        f"kernels__{isa.name}.c": (*_KERNEL, *isa.all_flags) for isa in appliance.targets[target]
    }
    files = ["kernel_static/main.c", *_handlers(root, appliance)]
    for folder in _folders(target):
        files += _files(root, f"kernel_static/{folder}")
    files += _generated(root, target, appliance)
    return [Unit(file, (*flags, *extra.get(file.rsplit("/", 1)[-1], checks))) for file in files]
