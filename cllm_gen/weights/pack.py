"""Packs a model's bulk data into the image that rides beside the code: the format is stated in
kernel_static/include/model_image.h. Done once per content: the file's name carries a digest of
everything that went into it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cllm_gen import unicode
from cllm_gen.lower.model.lowered import IMAGE_FORMAT, Lowered, lowered
from cllm_gen.schedule.weight_layout import whole_tiles
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.model import Model
from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.gguf_file import GgufFile
from cllm_gen.weights.locate import locate
from cllm_gen.weights.tile16 import pack
from cllm_gen.weights.tokenizer_tables import tokenizer_section

PAGE = 4096
_MAGIC = b"CLLMPACK"
_KEPT = 3  # packed images of one model kept in the build directory


def checksum(data: bytes) -> int:
    """The section checksum of model_image.h."""
    words = np.frombuffer(data + bytes(-len(data) % 8), "<u8")
    low, high, mask = 0, 0, (1 << 64) - 1
    for start in range(0, len(words), 1 << 20):
        # `high` grows by every partial sum: word i of n counts n - i times.
        part = words[start : start + (1 << 20)]
        weights = np.arange(len(part), 0, -1, dtype=np.uint64)
        high = (high + len(part) * low + int((part * weights).sum(dtype=np.uint64))) & mask
        low = (low + int(part.sum(dtype=np.uint64))) & mask
    return low ^ ((high << 32 | high >> 32) & mask)


def pack_model(root: Path, appliance: Appliance, build_dir: Path) -> Path:
    """The packed image of the appliance's model below `build_dir`, made if no image of the same
    content is there. Raises ModelFileError and SpecError."""
    model = appliance.model
    low = lowered(model)
    path = locate(root, model.weights)
    digest = _digest(path)
    if model.weights.sha256 not in (None, digest):
        raise ModelFileError(
            f"{path.name}: SHA-256 is {digest}, but {model.weights.span} expects {model.weights.sha256}"
        )
    target = build_dir / f"{model.name}-{_key(model, low, digest)}.pack"
    if not target.exists():
        build_dir.mkdir(parents=True, exist_ok=True)
        _write(target, low, path, model)
        for old in sorted(build_dir.glob(f"{model.name}-*.pack"), key=os.path.getmtime)[:-_KEPT]:
            old.unlink(missing_ok=True)
    return target


def image(low: Lowered, sections: dict[str, bytes]) -> list[bytes]:
    """The whole file in pieces: header, table, and each section on its page."""
    table, pieces, end = b"", [], -(-(64 + 64 * len(sections)) // PAGE) * PAGE
    for name, data in sections.items():
        table += struct.pack("<24sQQQ16x", name.encode(), end, len(data), checksum(data))
        padding = bytes(-len(data) % PAGE)
        pieces += [data, padding]
        end += len(data) + len(padding)
    header = (
        struct.pack("<8sII32sQ8x", _MAGIC, IMAGE_FORMAT, len(sections), low.fingerprint, end)
        + table
    )
    return [header, bytes(-len(header) % PAGE), *pieces]


def weights_section(
    low: Lowered, file: GgufFile, progress: Callable[[], None] = lambda: None
) -> bytes:
    """Every weight at the place that the generated code reads it from."""
    section = bytearray(low.weight_bytes)
    for name, item in low.weights.items():
        tensor = file.tensors.get(name)
        wanted = item.weight
        if tensor is None:
            raise ModelFileError(f"{file.path.name}: no tensor {name!r}, which {wanted.span} reads")
        if (tensor.type, tensor.shape) != (wanted.type, wanted.shape):
            raise ModelFileError(
                f"{file.path.name}: tensor {name!r} is {tensor.type} {tensor.shape}, "
                f"but {wanted.span} expects {wanted.type} {wanted.shape}"
            )
        raw = tensor.raw()
        try:
            if len(wanted.shape) == 1:
                data = raw.tobytes()
            else:
                missing = whole_tiles(len(raw)) - len(raw)
                data = pack(wanted.type, np.pad(raw, ((0, missing), (0, 0))))
        except ValueError as error:
            raise ModelFileError(f"{file.path.name}: tensor {name!r}: {error}") from None
        if len(data) != item.size:
            raise AssertionError(f"{name}: packed to {len(data)} bytes, placed for {item.size}")
        section[item.offset : item.offset + item.size] = data
        progress()
    return bytes(section)


def _write(target: Path, low: Lowered, path: Path, model: Model) -> None:
    columns = (
        TextColumn("packing {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("tensors"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(model.title, total=len(low.weights))
        sections = {
            "weights": weights_section(low, GgufFile(path), lambda: shown.advance(task)),
            "tokenizer": tokenizer_section(path, model),
        }
        handle, name = tempfile.mkstemp(dir=target.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.writelines(image(low, sections))
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise


def _digest(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _key(model: Model, low: Lowered, digest: str) -> str:
    """Names the content: the weight file, the layout, the tokenizer's facts and the packing code."""
    key = hashlib.sha256(digest.encode() + low.fingerprint)
    told = model.tokenizer
    facts = [(f.name, getattr(told, f.name)) for f in dataclasses.fields(told) if f.compare]
    key.update(repr([(name, getattr(fact, "name", fact)) for name, fact in facts]).encode())
    code = sorted(Path(__file__).parent.rglob("*.py"))
    for source in (*code, Path(unicode.__file__), unicode.TABLE):
        key.update(source.name.encode() + source.read_bytes())
    return key.hexdigest()[:16]
