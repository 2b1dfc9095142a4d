"""A float64 numpy reference of the llama family over a GGUF's dequantised weights: written from the
papers, straight-line, with none of the generator's code in the arithmetic."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from cllm_gen.weights.gguf_file import GgufFile


class Reference:
    """Weights as float64. `logits(tokens)` gives next-token logits after every position."""

    def __init__(self, path: Path):
        self.file = file = GgufFile(path)
        get = file.metadata.__getitem__
        self.layers = get("llama.block_count")
        self.heads = get("llama.attention.head_count")
        self.kv_heads = get("llama.attention.head_count_kv")
        self.epsilon = get("llama.attention.layer_norm_rms_epsilon")
        self.base = get("llama.rope.freq_base")
        self.weights = {
            name: tensor.values().astype(np.float64) for name, tensor in file.tensors.items()
        }

    def norm(self, x: np.ndarray, gain: str) -> np.ndarray:
        scale = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + self.epsilon)
        return x * scale * self.weights[gain]

    def turn(self, x: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Rotates pairs (2i, 2i+1) of (rows, heads, width) by position * base^(-2i/width)."""
        width = x.shape[-1]
        angles = positions[:, None, None] * self.base ** (-np.arange(0, width, 2) / width)
        even, odd = x[..., 0::2], x[..., 1::2]
        turned = np.empty_like(x)
        turned[..., 0::2] = even * np.cos(angles) - odd * np.sin(angles)
        turned[..., 1::2] = even * np.sin(angles) + odd * np.cos(angles)
        return turned

    def attend(self, q: np.ndarray, k: np.ndarray, v: np.ndarray, chunk: int = 256) -> np.ndarray:
        """Causal attention, `chunk` queries at a time so that long sequences fit in memory."""
        rows, share = len(q), self.heads // self.kv_heads
        k, v = np.repeat(k, share, axis=1), np.repeat(v, share, axis=1)
        mixed = np.empty_like(q)
        for start in range(0, rows, chunk):
            end = min(start + chunk, rows)
            scores = np.einsum("rhd,shd->hrs", q[start:end], k[:end], optimize=True) / np.sqrt(
                q.shape[-1]
            )
            scores = np.where(np.arange(end) <= np.arange(start, end)[:, None], scores, -np.inf)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            scores /= scores.sum(-1, keepdims=True)
            mixed[start:end] = np.einsum("hrs,shd->rhd", scores, v[:end], optimize=True)
        return mixed.reshape(rows, -1)

    def part(self, layer: int, name: str) -> np.ndarray:
        return self.weights[f"blk.{layer}.{name}.weight"]

    def hidden(self, tokens: list[int], first: int = 0) -> np.ndarray:
        """Final hidden states of a sequence whose first position is `first`."""
        rows = len(tokens)
        positions = np.arange(first, first + rows, dtype=np.float64)
        x = self.weights["token_embd.weight"][tokens]
        for layer in range(self.layers):
            w = partial(self.part, layer)
            y = self.norm(x, f"blk.{layer}.attn_norm.weight")
            q = (y @ w("attn_q").T).reshape(rows, self.heads, -1)
            k = (y @ w("attn_k").T).reshape(rows, self.kv_heads, -1)
            v = (y @ w("attn_v").T).reshape(rows, self.kv_heads, -1)
            mixed = self.attend(self.turn(q, positions), self.turn(k, positions), v)
            x = x + mixed @ w("attn_output").T
            y = self.norm(x, f"blk.{layer}.ffn_norm.weight")
            gate = y @ w("ffn_gate").T
            x = x + (gate / (1 + np.exp(-gate)) * (y @ w("ffn_up").T)) @ w("ffn_down").T
        return self.norm(x, "output_norm.weight")

    def logits(self, tokens: list[int]) -> np.ndarray:
        head = self.weights.get("output.weight", self.weights["token_embd.weight"])
        return self.hidden(tokens) @ head.T
