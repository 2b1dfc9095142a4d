"""Caches laid out from numpy, and attention in float64, for tests of the attention kernels."""

from __future__ import annotations

import numpy as np

from cllm_gen.schedule.kv_layout import BLOCK_TOKENS, SCALED, half_bytes, layer_bytes
from tests.kernels.harness import aligned

TOGETHER = {"f16": 2, "i8": 4}


def _places(kv: str, width: int, half: int):
    """Element offsets [slot][dimension] of a group's keys (half 0) or values (half 1)."""
    n = TOGETHER[kv]
    slot, d = np.arange(BLOCK_TOKENS)[:, None], np.arange(width)[None, :]
    if half == 0:
        return d // n * (BLOCK_TOKENS * n) + slot * n + d % n
    return slot // n * (width * n) + d * n + slot % n


def scales_of(x: np.ndarray) -> np.ndarray:
    """i8: the scale of every SCALED dimensions, f32."""
    peak = np.abs(x.reshape(*x.shape[:-1], -1, SCALED)).max(-1)
    return np.maximum(peak / np.float32(127), np.float32(1e-32)).astype(np.float32)


def parts(kv: str, x: np.ndarray):
    """What a cache holds of x (..., width): elements, scales or None, and the values it means."""
    if kv == "f16":
        kept = np.clip(x, -65504, 65504).astype(np.float16)
        return kept, None, kept.astype(np.float64)
    scales = scales_of(x)
    wide = np.repeat(scales, SCALED, axis=-1)
    kept = np.rint(x / wide).astype(np.int8)
    return kept, scales, kept.astype(np.float64) * wide


def group_arrays(kv: str, layer: np.ndarray, g: int, width: int, half: int):
    """Views of one group's elements [offset] and scales [width / SCALED][slot] in a layer's part."""
    size = half_bytes(kv, width)
    mine = layer[(2 * g + half) * size : (2 * g + half + 1) * size]
    if kv == "f16":
        return mine.view(np.float16), None
    split = BLOCK_TOKENS * width
    return mine[:split].view(np.int8), mine[split:].view(np.float32).reshape(-1, BLOCK_TOKENS)


class Cache:
    """One sequence's keys and values (length, groups, width) in permuted blocks, each
    `block_bytes` from the next; what is not of the sequence stays junk."""

    def __init__(self, kv, keys, values, block_bytes, rng, junk=0xA5):
        length, groups, width = keys.shape
        count = -(-length // BLOCK_TOKENS)
        assert layer_bytes(kv, groups, width) <= block_bytes
        self.memory = aligned(((count + 3) * block_bytes,), np.uint8, junk)
        self.blocks = aligned((count,), np.uint32)
        self.blocks[:] = rng.permutation(count + 3)[:count]
        self.keys, self.values = (parts(kv, x)[2] for x in (keys, values))
        for i, block in enumerate(self.blocks):
            layer = self.memory[int(block) * block_bytes :][: layer_bytes(kv, groups, width)]
            here = slice(BLOCK_TOKENS * i, min(BLOCK_TOKENS * (i + 1), length))
            slots = here.stop - here.start
            for half, x in enumerate((keys, values)):
                kept, scales, _ = parts(kv, x[here])
                places = _places(kv, width, half)[:slots]
                for g in range(groups):
                    elements, its_scales = group_arrays(kv, layer, g, width, half)
                    elements[places] = kept[:, g]
                    if scales is not None:
                        its_scales[:, :slots] = scales[:, g].T


def attend(q, keys, values, position, window=0, scale=None):
    """y (rows, heads, width) in float64; row r sees positions up to position + r."""
    rows, heads, width = q.shape
    share = heads // keys.shape[1]
    scale = width**-0.5 if scale is None else scale
    k, v = (np.repeat(x.astype(np.float64), share, axis=1) for x in (keys, values))
    scores = np.einsum("rhd,phd->hrp", q.astype(np.float64), k, optimize=True) * scale
    at, own = np.arange(len(keys))[None, :], position + np.arange(rows)[:, None]
    seen = (at <= own) & ((at > own - window) if window else True)
    scores = np.where(seen, scores, -np.inf)
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    return np.einsum("hrp,phd->rhd", shares, v, optimize=True)
