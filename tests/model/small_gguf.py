"""Writes a GGUF of any known family with random weights, small enough that a test makes it in passing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

from cllm_gen.weights.tokenizer_vocabulary import byte_alphabet

SPECIALS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    *(f"<|reserved_{i}|>" for i in range(11)),
]
TEMPLATE = "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}"


@dataclass(frozen=True)
class Shape:
    layers: int = 3
    width: int = 64
    heads: int = 4
    kv_heads: int = 2
    head: int = 16
    hidden: int = 96
    context: int = 128
    tied: bool = True
    matrix: gguf.GGMLQuantizationType = gguf.GGMLQuantizationType.Q4_1
    down: gguf.GGMLQuantizationType = gguf.GGMLQuantizationType.Q4_1
    more_tokens: int = 0
    window: int | None = None
    rope_factors: tuple[float, ...] = ()


def _byte_level(writer: gguf.GGUFWriter) -> list[str]:
    tokens = [*SPECIALS, *byte_alphabet(), "he", "the"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(SPECIALS) + [1] * (len(tokens) - len(SPECIALS)))
    writer.add_token_merges(["h e", "t he"])
    return tokens


def _by_score(writer: gguf.GGUFWriter) -> list[str]:
    """SentencePiece's way: bytes, letters, a few words; 16 * 18 tokens."""
    words = ["the", "▁the", "he", "▁", *"thequickbrown"[:11], "▁q"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    types = [2, 3, 3] + [6] * 256
    tokens += list(dict.fromkeys(words))
    tokens += [f"<unused{i}>" for i in range(-len(tokens) % 16)]
    types += [1] * len(dict.fromkeys(words))
    types += [3] * (len(tokens) - len(types))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(i) for i in range(len(tokens))])
    writer.add_token_types(types)
    writer.add_add_space_prefix(False)
    return tokens


def write(path: Path, shape: Shape = Shape(), seed: int = 1, architecture: str = "llama") -> Path:
    """Writes the file and returns its path."""
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_string("general.basename", "tiny")
    writer.add_string("general.size_label", "1K")
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head)
    writer.add_rope_dimension_count(shape.head)
    writer.add_rope_freq_base(5000.0)
    if shape.window is not None:
        writer.add_sliding_window(shape.window)
    writer.add_layer_norm_rms_eps(1e-5)
    tokens = _by_score(writer) if architecture == "gemma3" else _byte_level(writer)
    rows = len(tokens) + shape.more_tokens
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)

    def matrix(name: str, outputs: int, inputs: int, kind: gguf.GGMLQuantizationType) -> None:
        values = random.normal(0, inputs**-0.5, (outputs, inputs)).astype(np.float32)
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)

    def vector(name: str, width: int = shape.width) -> None:
        writer.add_tensor(name, random.uniform(0.5, 1.5, width).astype(np.float32))

    q, kv = shape.heads * shape.head, shape.kv_heads * shape.head
    matrix("token_embd.weight", rows, shape.width, gguf.GGMLQuantizationType.Q8_0)
    for layer in range(shape.layers):
        block = f"blk.{layer}."
        vector(block + "attn_norm.weight")
        matrix(block + "attn_q.weight", q, shape.width, shape.matrix)
        matrix(block + "attn_k.weight", kv, shape.width, shape.matrix)
        matrix(block + "attn_v.weight", kv, shape.width, shape.matrix)
        matrix(block + "attn_output.weight", shape.width, q, shape.matrix)
        for name, width in (("q", q), ("k", kv), ("v", kv)) if architecture == "qwen2" else ():
            vector(f"{block}attn_{name}.bias", width)
        for name in "qk" if architecture in ("qwen3", "gemma3") else "":
            vector(f"{block}attn_{name}_norm.weight", shape.head)
        for name in ("attention", "ffw") if architecture == "gemma3" else ():
            vector(f"{block}post_{name}_norm.weight")
        vector(block + "ffn_norm.weight")
        matrix(block + "ffn_gate.weight", shape.hidden, shape.width, shape.matrix)
        matrix(block + "ffn_up.weight", shape.hidden, shape.width, shape.matrix)
        matrix(block + "ffn_down.weight", shape.width, shape.hidden, shape.down)
    vector("output_norm.weight")
    if shape.rope_factors:
        writer.add_tensor("rope_freqs.weight", np.array(shape.rope_factors, np.float32))
    if not shape.tied:
        matrix("output.weight", rows, shape.width, gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
