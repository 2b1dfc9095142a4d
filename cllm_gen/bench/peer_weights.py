"""The weights of a model in the types that a peer is best at, made from the file that the model ships
as: `f16` has every matrix in F16, `f32` in F32, `q4_0` every matrix of fewer than eight bits in Q4_0 (which is what
llama.cpp's own quantiser leaves of such a file). The last is another model: quantised again, it has lost
some of what the file says."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize

SHIPPED = "shipped"
SAME = (SHIPPED, "f16", "f32")
"""Weights with the values of the file (F16 rounds some in their last bit)."""
_FILE_TYPES = {
    "f16": LlamaFileType.MOSTLY_F16,
    "f32": LlamaFileType.ALL_F32,
    "q4_0": LlamaFileType.MOSTLY_Q4_0,
}
_WRITTEN = ("general.architecture", "general.file_type", "general.quantization_version")


def peer_weights(shipped: Path, weights: str, folder: Path) -> Path:
    """The file to give a peer: `shipped` itself, or its conversion in `folder`, made once."""
    if weights == SHIPPED:
        return shipped
    target = folder / f"{shipped.stem}.{shipped.stat().st_size:x}.{weights}.gguf"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        _convert(shipped, part, weights)
        os.replace(part, target)
    return target


def _bits(kind: Type) -> float:
    values, size = GGML_QUANT_SIZES[kind]
    return 8 * size / values


def _converted(kind: Type, shape: tuple[int, ...], weights: str) -> Type:
    """The type that a tensor gets."""
    if len(shape) < 2:
        return kind
    if weights in SAME:
        return Type[weights.upper()]
    return Type.Q4_0 if _bits(kind) < 8 and kind != Type.Q4_0 else kind


def _convert(source: Path, target: Path, weights: str) -> None:
    reader = GGUFReader(source)
    architecture = reader.fields["general.architecture"].contents()
    writer = GGUFWriter(target, architecture)
    writer.add_file_type(_FILE_TYPES[weights])
    writer.add_quantization_version(2)
    for name, field in reader.fields.items():
        if name in _WRITTEN or name.startswith("GGUF."):
            continue
        value_type = field.types[0]
        inner = field.types[-1] if value_type == GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), value_type, sub_type=inner)
    for tensor in reader.tensors:
        shape = tuple(int(size) for size in reversed(tensor.shape))
        kind = _converted(tensor.tensor_type, shape, weights)
        data = tensor.data
        if kind != tensor.tensor_type:
            data = quantize(dequantize(data, tensor.tensor_type).astype(np.float32), kind)
        writer.add_tensor(tensor.name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
