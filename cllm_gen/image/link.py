"""Links an image: twice for a bare machine, so that it can carry the names of its own functions."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from cllm_gen.image.compile import run_tool
from cllm_gen.image.errors import BuildFailed
from cllm_gen.image.sources import SANITIZERS
from cllm_gen.image.symbols import Symbol, functions, read_symbols, symbol_table
from cllm_gen.spec.appliance import MemoryMap

_FORMAT = {"i386": ("elf_i386", "--32"), "x86_64": ("elf_x86_64", "--64")}


def link_hosted(root: Path, image: Path, objects: Sequence[Path], sanitize: str | None) -> None:
    """A Linux process."""
    sanitizers = SANITIZERS[sanitize] if sanitize else ()
    run_tool(root, ["gcc", "-pthread", *sanitizers, "-o", str(image), *map(str, objects)])


def _script(root: Path, folder: Path, memory: MemoryMap) -> Path:
    """The linker script with the appliance's memory map filled in."""
    script = folder / "image.ld"
    settings = [f"-DIMAGE_BASE={memory.load_address}", f"-DIMAGE_STACK={memory.stack}"]
    source = "kernel_static/arch/x86/image.ld"
    run_tool(root, ["gcc", "-E", "-P", "-x", "c", *settings, source, "-o", str(script)])
    return script


def link_bare(
    root: Path, image: Path, full: Path, target: str, objects: Sequence[Path], memory: MemoryMap
) -> None:
    """Writes `image`, bootable, always ELF32 as Multiboot loaders want it, and `full`, the same
    in the target's own format and with debugging information."""
    emulation, bits = _FORMAT[target]
    folder = image.parent
    script = _script(root, folder, memory)

    def link(output: Path, table: list[Symbol]) -> list[Symbol]:
        source, names = folder / "symbols.S", folder / "symbols.o"
        source.write_text(symbol_table(table))
        run_tool(root, ["as", bits, str(source), "-o", str(names)])
        options = ["-nostdlib", "-static", "--gc-sections", "--build-id=none"]
        options += ["-z", "noexecstack", "-z", "max-page-size=4096", "--fatal-warnings"]
        files = [str(file) for file in (*objects, names)]
        run_tool(
            root, ["ld", "-m", emulation, "-T", str(script), *options, "-o", str(output), *files]
        )
        return functions(read_symbols(root, output))

    wanted = link(full, [])
    if link(full, wanted) != wanted:
        raise BuildFailed("functions moved between the two passes of the link; see image/link.py")
    run_tool(root, ["objcopy", "--strip-all", "-O", "elf32-i386", str(full), str(image)])
    return image, full
