"""From generated/ and kernel_static/ to an image under build/<appliance>/<target>/."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cllm_gen.image import link
from cllm_gen.image.compile import compile_units, write_commands
from cllm_gen.image.errors import BuildFailed
from cllm_gen.image.link import identify, link_bare, link_process
from cllm_gen.image.lock import locked
from cllm_gen.image.sizes import largest_symbols, section_sizes
from cllm_gen.image.sources import units
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.load import load_appliances
from cllm_gen.spec.target import Target

__all__ = ["BuildFailed", "Image", "build", "compile_image"]


@dataclass(frozen=True)
class Image:
    """What a build made. `image` is what boots or runs; `symbols` is the file for gdb (the same
    for a process); `model` is the packed model image; `nics` is what QEMU
    calls network devices that it drives, best first."""

    root: Path
    appliance: str
    target: Target
    folder: Path
    image: Path
    symbols: Path
    model: Path | None
    nics: tuple[str, ...]

    def sections(self) -> dict[str, int]:
        """Bytes of .text, .rodata, .data and .bss."""
        return section_sizes(self.root, self.symbols)

    def summary(self) -> str:
        """A few lines for people: files, sections, largest symbols."""
        shown = self.image.relative_to(self.root)
        lines = [f"{shown}  {_readable(self.image.stat().st_size)}"]
        parts = ", ".join(f"{name} {_readable(size)}" for name, size in self.sections().items())
        lines.append(f"  sections: {parts}")
        largest = largest_symbols(self.root, self.symbols, 6)
        names = ", ".join(f"{symbol.name} {_readable(symbol.size)}" for symbol in largest)
        lines.append(f"  largest:  {names}")
        if self.model:
            size = _readable(self.model.stat().st_size)
            lines.append(f"{self.model.relative_to(self.root)}  {size}")
        return "\n".join(lines)


def _readable(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 2**10:.1f} KiB"


def _progress(done: int, total: int, source: str) -> None:
    """One line that is overwritten on a terminal, one line a file elsewhere."""
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r\033[K  compile [{done}/{total}] {source}", end=end, file=sys.stderr, flush=True)
    else:
        print(f"  compile [{done}/{total}] {source}", file=sys.stderr, flush=True)


def _link_recipe(root: Path, appliance: Appliance, target: Target, objects: Sequence[Path]) -> str:
    """Everything that a link depends on, as text."""
    scripts = [root / "kernel_static" / target.layout.script] if target.layout else []
    inputs = [*objects, *scripts, Path(link.__file__)]
    lines = [f"{file} {file.stat().st_mtime_ns}" for file in inputs]
    tools = [target.compiler, *target.flags, repr(target.layout)]
    return "\n".join([repr(appliance.memory), *tools, *lines])


def _write_gdb(root: Path, symbols: Path) -> None:
    """Tells the project's .gdbinit which image was built last."""
    (root / "build" / "last.gdb").write_text(f"file {symbols}\n")


def compile_image(
    root: Path,
    name: str | None,
    appliance: Appliance,
    debug: bool = False,
    sanitize: str | None = None,
) -> Image:
    """Compiles and links for the target of that name (or the appliance's default one), without the
    model. `sanitize` is one of the target's sanitizers."""
    target = appliance.target(name)
    if sanitize and sanitize not in target.sanitizers:
        allowed = ", ".join(target.sanitizers) or "none"
        raise BuildFailed(f"target {target.name} has no sanitizer {sanitize}; it allows {allowed}")
    variant = target.name + ("-debug" if debug else "") + (f"-{sanitize}" if sanitize else "")
    folder = root / "build" / appliance.name / variant
    with locked(folder):
        sources = units(root, appliance, target, debug, sanitize)
        objects = compile_units(root, folder, sources, _progress)
        image = folder / ("image" if target.is_process else "image.elf")
        symbols = image if target.is_process else folder / "symbols.elf"
        record = folder / "linked"
        recipe = _link_recipe(root, appliance, target, objects)
        if not (image.exists() and record.exists() and record.read_text() == recipe):
            record.unlink(missing_ok=True)
            objects = [*objects, identify(root, folder, target, objects)]
            if target.is_process:
                link_process(root, image, target, objects, sanitize)
            else:
                link_bare(root, image, symbols, target, objects, appliance.memory)
            record.write_text(recipe)
        write_commands(root, sources)
        _write_gdb(root, symbols)
    nics = tuple(name for each in appliance.network_devices for name in each.emulated)
    return Image(root, appliance.name, target, folder, image, symbols, None, nics)


def build(
    root: Path,
    target: str | None,
    appliance: str | None = None,
    debug: bool = False,
    sanitize: str | None = None,
) -> Image:
    """Compiles, links and packs the model of an appliance (the first one if none is named) for one of
    its targets (the default one if none is named)."""
    from cllm_gen.weights.pack import pack_model

    spec = load_appliances(root, appliance)[0]
    made = compile_image(root, target, spec, debug, sanitize)
    shared = root / "build" / spec.name
    with locked(shared):
        model = pack_model(root, spec, shared)
    return replace(made, model=model)
