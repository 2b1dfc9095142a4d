"""Which C and assembly files make an image, and with which compiler flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cllm_gen.image.tool import run_tool
from cllm_gen.lower.kernel.resolve import resolve_all
from cllm_gen.lower.model.lowered import lowered
from cllm_gen.lower.model.outputs import folder
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.target import Target

FLAGS = (
    "-std=gnu11 -O2 -g -Wall -Wextra -Werror -fno-strict-aliasing -ffp-contract=off "
    "-fno-omit-frame-pointer -fno-optimize-sibling-calls"
).split()
"""Of every file of every image."""
_TEXT = ("chat_template", "pretokenizer")
"""What a model's folder has for its text, whatever its cache."""
# Kernels are leaves whose loops want every register; a backtrace starts at their caller.
# Without temporaries of their own, all products of an unrolled loop come before their first sum, and
# find no registers.
_KERNEL = ("-O3", "-fomit-frame-pointer", "-fno-tree-ter")
_FOLDERS = ("engine", "http", "lib", "mem", "runtime")
"""Below kernel_static/, in every image."""


@dataclass(frozen=True)
class Unit:
    """One file to compile; `source` is relative to the project's root."""

    source: str
    compiler: str
    flags: tuple[str, ...]


def _files(root: Path, folder: str) -> list[str]:
    found = [path for path in (root / folder).rglob("*") if path.suffix in (".c", ".S")]
    return sorted(path.relative_to(root).as_posix() for path in found)


def _handlers(root: Path, appliance: Appliance) -> list[str]:
    """Those of the families that the appliance serves, each in the file of its name, and what they share."""
    families = sorted(family.name for family in appliance.surface.families)
    files = [f"kernel_static/api/{name}.c" for name in families]
    shared = _files(root, "kernel_static/api/shared")
    return [*(file for file in files if (root / file).exists()), *shared]


def _drivers(root: Path, appliance: Appliance) -> list[str]:
    """Of the appliance's devices, and what chooses between those for the network."""
    files = ["kernel_static/drivers/nic.c"]
    for name in dict.fromkeys(each.driver.file for each in appliance.devices if each.driver):
        found = [f"kernel_static/drivers/{name}.c", *_files(root, f"kernel_static/drivers/{name}")]
        files += [file for file in found if (root / file).exists()]
    return [*sorted(files), f"generated/appliances/{appliance.name}/drivers.c"]


def _generated(root: Path, appliance: Appliance, target: Target) -> list[str]:
    """Generated C of this appliance, but for kernels and drivers: its model's and what all appliances share."""
    sets = [isa.name for isa in appliance.targets[target]]
    own = f"generated/appliances/{appliance.name}"
    cached = f"generated/{folder(appliance.model, appliance.kv_cache)}"
    return [
        *_files(root, "generated/api"),
        *_files(root, "generated/metrics"),
        *_files(root, f"generated/surfaces/{appliance.surface.name}"),
        f"{own}/{target.name}.c",
        *(f"generated/isa/{name}.c" for name in sets),
        *(f"generated/models/{appliance.model.name}/{name}.c" for name in _TEXT),
        f"{cached}/forward.c",
        *(f"{cached}/kernels__{name}.c" for name in sets),
    ]


def _kernels(appliance: Appliance, target: Target) -> dict[str, tuple[str, ...]]:
    """The files of the kernels that the target's sets need, with the flags of each one's set."""
    requests = lowered(appliance.model, appliance.kv_cache).requests
    found = resolve_all(requests, appliance.targets[target]).values()
    return {f"generated/{each.file}": (*_KERNEL, *each.isa.all_flags) for each in found}


def include_flags(root: Path, appliance: Appliance, target: Target) -> list[str]:
    """Where headers are found."""
    own = (f"appliances/{appliance.name}", f"surfaces/{appliance.surface.name}")
    flags = ["-Ikernel_static/include", "-Igenerated", *(f"-Igenerated/{each}" for each in own)]
    flags += [f"-Ikernel_static/{folder}" for folder in target.headers]
    if target.libc:
        intrinsics = run_tool(root, [target.compiler, "-print-file-name=include"]).strip()
        flags += ["-nostdinc", "-isystem", f"kernel_static/{target.libc}", "-isystem", intrinsics]
    return flags


def units(
    root: Path,
    appliance: Appliance,
    target: Target,
    debug: bool = False,
    sanitize: str | None = None,
) -> list[Unit]:
    """Every file of the image with its flags, in path order."""
    flags = [*FLAGS, *target.flags, *include_flags(root, appliance, target)]
    flags += target.sanitizers[sanitize] if sanitize else []
    checks = ("-DDEBUG",) if debug else ()
    kernels = _kernels(appliance, target)  # no checks: both kinds of image share their objects
    files = ["kernel_static/main.c", *_handlers(root, appliance)]
    for each in sorted([*_FOLDERS, *target.folders]):
        files += _files(root, f"kernel_static/{each}")
    files += _drivers(root, appliance) if target.devices else []
    files += [*kernels, *_generated(root, appliance, target)]
    return [Unit(file, target.compiler, (*flags, *kernels.get(file, checks))) for file in files]
