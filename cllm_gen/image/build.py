"""From generated/ and kernel_static/ to an image under build/<appliance>/<target>/."""

from __future__ import annotations

import fcntl
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

from cllm_gen.image import link
from cllm_gen.image.compile import compile_units, run_tool
from cllm_gen.image.errors import BuildFailed
from cllm_gen.image.link import link_bare, link_hosted
from cllm_gen.image.sizes import largest_symbols, section_sizes
from cllm_gen.image.sources import TARGETS, units
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.load import load_appliances

__all__ = ["TARGETS", "BuildFailed", "Image", "build", "compile_image"]


@dataclass(frozen=True)
class Image:
    """What a build made. `image` is what boots or runs; `symbols` is the file for gdb (the same
    when hosted); `model` is the packed model image."""

    root: Path
    appliance: str
    target: str
    folder: Path
    image: Path
    symbols: Path
    model: Path | None

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


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """One build at a time in one folder; a second one waits and then finds nothing to do."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _progress(done: int, total: int, source: str) -> None:
    """One line that is overwritten on a terminal, one line a file elsewhere."""
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r\033[K  compile [{done}/{total}] {source}", end=end, file=sys.stderr, flush=True)
    else:
        print(f"  compile [{done}/{total}] {source}", file=sys.stderr, flush=True)


def _link_recipe(root: Path, appliance: Appliance, objects: Sequence[Path]) -> str:
    """Everything that a link depends on, as text."""
    inputs = [*objects, root / "kernel_static/arch/x86/image.ld", Path(link.__file__)]
    lines = [f"{file} {file.stat().st_mtime_ns}" for file in inputs]
    return "\n".join([repr(appliance.memory), *lines])


def _write_gdb(root: Path, symbols: Path) -> None:
    """Tells the project's .gdbinit which image was built last."""
    (root / "build" / "last.gdb").write_text(f"file {symbols}\n")


def compile_image(
    root: Path, target: str, appliance: Appliance, debug: bool = False, sanitize: str | None = None
) -> Image:
    """Compiles and links, without the model. `sanitize` is one of SANITIZERS."""
    if target not in appliance.targets:
        raise BuildFailed(
            f"appliance {appliance.name} has no target {target}; its spec lists: "
            + ", ".join(appliance.targets)
        )
    if sanitize and target != "hosted":
        raise BuildFailed(f"sanitizers need the hosted target, not {target}")
    variant = target + ("-debug" if debug else "") + (f"-{sanitize}" if sanitize else "")
    folder = root / "build" / appliance.name / variant
    with _lock(folder):
        headers = run_tool(root, ["gcc", "-print-file-name=include"]).strip()
        sources = units(root, target, appliance, headers, debug, sanitize)
        objects = compile_units(root, folder, sources, _progress)
        hosted = target == "hosted"
        image = folder / ("image" if hosted else "image.elf")
        symbols = image if hosted else folder / "symbols.elf"
        record = folder / "linked"
        recipe = _link_recipe(root, appliance, objects)
        if not (image.exists() and record.exists() and record.read_text() == recipe):
            record.unlink(missing_ok=True)
            if hosted:
                link_hosted(root, image, objects, sanitize)
            else:
                link_bare(root, image, symbols, target, objects, appliance.memory)
            record.write_text(recipe)
        _write_gdb(root, symbols)
    return Image(root, appliance.name, target, folder, image, symbols, None)


def build(
    root: Path,
    target: str,
    appliance: str | None = None,
    debug: bool = False,
    sanitize: str | None = None,
) -> Image:
    """Compiles, links and packs the model of an appliance (the first one if none is named)."""
    from cllm_gen.weights.pack import pack_model

    spec = load_appliances(root, appliance)[0]
    made = compile_image(root, target, spec, debug, sanitize)
    shared = root / "build" / spec.name
    with _lock(shared):
        model = pack_model(root, spec, shared)
    return Image(root, spec.name, target, made.folder, made.image, made.symbols, model)
