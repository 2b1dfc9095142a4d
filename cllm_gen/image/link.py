"""Links an image: twice for a bare machine, so that it can carry the names of its own functions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from cllm_gen.image.errors import BuildFailed
from cllm_gen.image.symbols import Symbol, functions, read_symbols, symbol_table
from cllm_gen.image.tool import run_tool
from cllm_gen.spec.appliance import MemoryMap
from cllm_gen.spec.target import Layout, Target


def identify(root: Path, folder: Path, target: Target, objects: Sequence[Path]) -> Path:
    """An object that says which image this is (include/image.h): a digest of all that is linked."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in objects)).hexdigest()[:8]
    source, made = folder / "identity.c", folder / "identity.o"
    source.write_text(
        f'extern const char image_identity[];\nconst char image_identity[] = "{digest}";\n'
    )
    run_tool(root, [target.compiler, *target.flags, "-c", str(source), "-o", str(made)])
    return made


def link_process(
    root: Path,
    image: Path,
    target: Target,
    objects: Sequence[Path],
    sanitize: str | None = None,
    libraries: Sequence[str] = (),
) -> None:
    """A process of this machine, against the C library of the compiler and `libraries`."""
    flags = [*target.flags, *(target.sanitizers[sanitize] if sanitize else ())]
    run_tool(root, [target.compiler, *flags, "-o", str(image), *map(str, objects), *libraries])


def _script(root: Path, folder: Path, target: Target, layout: Layout, memory: MemoryMap) -> Path:
    """The linker script with the appliance's memory map filled in."""
    script = folder / "image.ld"
    settings = [f"-DIMAGE_BASE={memory.load_address}", f"-DIMAGE_STACK={memory.stack}"]
    source = f"kernel_static/{layout.script}"
    preprocess = [target.compiler, "-E", "-P", "-x", "c", *settings]
    run_tool(root, [*preprocess, source, "-o", str(script)])
    return script


def link_bare(
    root: Path,
    image: Path,
    full: Path,
    target: Target,
    objects: Sequence[Path],
    memory: MemoryMap,
) -> None:
    """Writes `image`, in the format that the target's loader takes, and `full`, the same in the target's
    own format and with debugging information."""
    layout, folder = target.layout, image.parent
    assert layout is not None, "a bare image has one"
    script = _script(root, folder, target, layout, memory)

    def link(output: Path, table: list[Symbol]) -> list[Symbol]:
        source, names = folder / "symbols.S", folder / "symbols.o"
        source.write_text(symbol_table(table))
        run_tool(root, [target.compiler, *target.flags, "-c", str(source), "-o", str(names)])
        options = ["-nostdlib", "-static", "--gc-sections", "--build-id=none"]
        options += ["-z", "noexecstack", "-z", "max-page-size=4096", "--fatal-warnings"]
        files = [str(file) for file in (*objects, names)]
        places = ["-m", layout.emulation, "-T", str(script)]
        run_tool(root, ["ld", *places, *options, "-o", str(output), *files])
        return functions(read_symbols(root, output))

    wanted = link(full, [])
    if link(full, wanted) != wanted:
        raise BuildFailed("functions moved between the two passes of the link; see image/link.py")
    run_tool(root, ["objcopy", "--strip-all", "-O", layout.image, str(full), str(image)])
