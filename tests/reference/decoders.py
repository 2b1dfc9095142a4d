"""Float64 numpy references of the Qwen 2, Qwen 3 and Gemma 3 families over a GGUF's dequantised
weights: written from the papers and the families' published model code, straight-line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cllm_gen.weights.gguf_file import GgufFile
from tests.reference.llama import Reference


class Decoder(Reference):
    """What the families share; a subclass has `layer`."""

    def __init__(self, path: Path):
        self.file = file = GgufFile(path)
        name = file.metadata["general.architecture"]
        self.facts = {
            key.removeprefix(f"{name}."): value
            for key, value in file.metadata.items()
            if key.startswith(f"{name}.")
        }
        self.layers = self.facts["block_count"]
        self.heads = self.facts["attention.head_count"]
        self.kv_heads = self.facts["attention.head_count_kv"]
        self.epsilon = self.facts["attention.layer_norm_rms_epsilon"]
        self.base = self.facts["rope.freq_base"]
        self.weights = {
            name: tensor.values().astype(np.float64) for name, tensor in file.tensors.items()
        }

    def turn_halves(self, x: np.ndarray, positions: np.ndarray, base: float) -> np.ndarray:
        """Rotates pairs (i, i + width/2) of (rows, heads, width) by position * base^(-2i/width)."""
        width = x.shape[-1]
        angles = positions[:, None, None] * base ** (-np.arange(0, width, 2) / width)
        low, high = x[..., : width // 2], x[..., width // 2 :]
        cosine, sine = np.cos(angles), np.sin(angles)
        return np.concatenate([low * cosine - high * sine, high * cosine + low * sine], axis=-1)

    def mix(self, q: np.ndarray, k: np.ndarray, v: np.ndarray, window: int | None) -> np.ndarray:
        """Causal attention over the last `window` positions, a row at a time."""
        share, mixed = self.heads // self.kv_heads, np.empty_like(q)
        for row in range(len(q)):
            seen = slice(0 if window is None else max(0, row + 1 - window), row + 1)
            for head in range(self.heads):
                scores = k[seen, head // share] @ q[row, head] / np.sqrt(q.shape[-1])
                scores = np.exp(scores - scores.max())
                mixed[row, head] = scores / scores.sum() @ v[seen, head // share]
        return mixed.reshape(len(q), -1)

    def weight(self, layer: int, part: str) -> np.ndarray:
        return self.weights[f"blk.{layer}.{part}"]

    def project(self, x: np.ndarray, layer: int, part: str) -> np.ndarray:
        """A linear map, with its bias if it has one."""
        bias = self.weights.get(f"blk.{layer}.{part}.bias", 0.0)
        return x @ self.weight(layer, f"{part}.weight").T + bias

    def heads_of(self, x: np.ndarray, layer: int, part: str) -> np.ndarray:
        """Queries, keys or values by head, normalised by head if the family does that."""
        width = self.facts["attention.key_length"]
        found = self.project(x, layer, part).reshape(len(x), -1, width)
        gain = f"blk.{layer}.{part}_norm.weight"
        return self.norm(found, gain) if gain in self.weights else found

    def attention(self, y: np.ndarray, layer: int, positions, base: float, window) -> np.ndarray:
        q = self.turn_halves(self.heads_of(y, layer, "attn_q"), positions, base)
        k = self.turn_halves(self.heads_of(y, layer, "attn_k"), positions, base)
        v = self.heads_of(y, layer, "attn_v")
        return self.project(self.mix(q, k, v, window), layer, "attn_output")

    def embedded(self, tokens: list[int]) -> np.ndarray:
        return self.weights["token_embd.weight"][tokens]

    def layer(self, x: np.ndarray, layer: int, positions: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def hidden(self, tokens: list[int], first: int = 0) -> np.ndarray:
        positions = np.arange(first, first + len(tokens), dtype=np.float64)
        x = self.embedded(tokens)
        for layer in range(self.layers):
            x = self.layer(x, layer, positions)
        return self.norm(x, "output_norm.weight")


class Qwen(Decoder):
    """Qwen 2 (arXiv:2407.10671: biases of Q, K and V) and Qwen 3 (arXiv:2505.09388: norms of Q and
    K); which of the two, the tensors say."""

    def layer(self, x: np.ndarray, layer: int, positions: np.ndarray) -> np.ndarray:
        y = self.norm(x, f"blk.{layer}.attn_norm.weight")
        x = x + self.attention(y, layer, positions, self.base, None)
        y = self.norm(x, f"blk.{layer}.ffn_norm.weight")
        gate = self.project(y, layer, "ffn_gate")
        up = self.project(y, layer, "ffn_up")
        return x + self.project(gate / (1 + np.exp(-gate)) * up, layer, "ffn_down")


class Gemma3(Decoder):
    """Gemma 3 (arXiv:2503.19786): scaled embeddings, norms before and after each block, five layers
    of windowed attention with a rotary base of 10,000 for each one of global attention."""

    PERIOD, LOCAL_BASE = 6, 10000.0

    def embedded(self, tokens: list[int]) -> np.ndarray:
        return super().embedded(tokens) * np.sqrt(self.facts["embedding_length"])

    def layer(self, x: np.ndarray, layer: int, positions: np.ndarray) -> np.ndarray:
        local = (layer + 1) % self.PERIOD != 0
        window = self.facts["attention.sliding_window"] if local else None
        base = self.LOCAL_BASE if local else self.base
        y = self.norm(x, f"blk.{layer}.attn_norm.weight")
        y = self.attention(y, layer, positions, base, window)
        x = x + self.norm(y, f"blk.{layer}.post_attention_norm.weight")
        y = self.norm(x, f"blk.{layer}.ffn_norm.weight")
        gate = self.project(y, layer, "ffn_gate")
        curve = np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3))
        y = 0.5 * gate * (1 + curve) * self.project(y, layer, "ffn_up")
        return x + self.norm(
            self.project(y, layer, "ffn_down"), f"blk.{layer}.post_ffw_norm.weight"
        )
