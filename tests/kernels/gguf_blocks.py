"""Matrices of random GGUF blocks, of every type."""

from __future__ import annotations

import gguf
import numpy as np

FLOATS = {"f16": "<f2", "bf16": "<u2", "f32": "<f4"}
BLOCKS = {  # values and bytes of a block, where its f16 scales lie
    "q4_0": (32, 18, (0,)),
    "q4_1": (32, 20, (0, 2)),
    "q5_0": (32, 22, (0,)),
    "q5_1": (32, 24, (0, 2)),
    "q8_0": (32, 34, (0,)),
    "q4_k": (256, 144, (0, 2)),
    "q5_k": (256, 176, (0, 2)),
    "q6_k": (256, 210, (208,)),
}
TYPES = (*BLOCKS, *FLOATS)


def matrix(type_name: str, rows: int, columns: int, rng, scales=None) -> np.ndarray:
    """Rows of stored bytes: random quants with the given f16 scales (broadcast to rows x blocks x
    scales), or with scales that make values near 1/sqrt(columns)."""
    if type_name in FLOATS:
        values = (rng.standard_normal((rows, columns)) / np.sqrt(columns)).astype("<f4")
        if type_name == "bf16":
            return np.ascontiguousarray((values.view("<u4") >> 16).astype("<u2")).view(np.uint8)
        return values.astype(FLOATS[type_name]).view(np.uint8)
    values, size, places = BLOCKS[type_name]
    blocks = columns // values
    raw = rng.integers(0, 256, (rows, blocks, size), dtype=np.uint8)
    if scales is None:
        d = rng.uniform(0.2, 1.0, (rows, blocks, 1)) / np.sqrt(columns)
        d /= {"q8_0": 64, "q4_k": 256, "q5_k": 512, "q6_k": 1024}.get(type_name, 8)
        shift = 1 if "k" in type_name else -7.5 * rng.uniform(0.7, 1.3, d.shape)
        scales = np.concatenate([d, d * shift], axis=2)
    scales = np.broadcast_to(np.asarray(scales), (rows, blocks, 2)).astype("<f2")
    for i, place in enumerate(places):
        raw[:, :, place : place + 2] = scales[:, :, i : i + 1].copy().view(np.uint8)
    return raw.reshape(rows, -1)


def values(type_name: str, raw: np.ndarray) -> np.ndarray:
    """What the gguf package reads."""
    return gguf.dequantize(raw, gguf.GGMLQuantizationType[type_name.upper()])
