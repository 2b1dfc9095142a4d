"""An image that is a process with another kernel_main: all objects of one that serves but main.c's, and
one C file in its place."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from cllm_gen.image.build import Image
from cllm_gen.image.compile import compile_units
from cllm_gen.image.link import identify, link_process
from cllm_gen.image.sources import units
from cllm_gen.spec.appliance import Appliance


def variant(root: Path, spec: Appliance, image: Image, source: Path) -> Path:
    """The program, in a folder of its source's name beside the image that serves."""
    every = units(root, spec, spec.process)
    main = next(unit for unit in every if unit.source == "kernel_static/main.c")
    objects = compile_units(root, image.folder, every, lambda *_: None)
    kept = [path for unit, path in zip(every, objects) if unit is not main]
    folder = image.folder / source.stem
    flags = (*main.flags, "-Ikernel_static/engine")
    unit = replace(main, source=os.path.relpath(source, root), flags=flags)
    own = compile_units(root, folder, [unit], lambda *_: None)
    binary = folder / source.stem
    linked = [*own, *kept]
    linked.append(identify(root, folder, spec.process, linked))
    link_process(root, binary, spec.process, linked, libraries=["-lm"])
    return binary
