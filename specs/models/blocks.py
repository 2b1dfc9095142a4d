"""Blocks that transformer families share; a model's forward pass is made of these.

GGUF names the tensors of layer L `blk.L.<part>.weight`; a `Block` supplies that prefix.
"""

from cllm_gen.spec.model import Block
from cllm_gen.spec.tensor import Rope, Tensor, attention, linear, rms_norm, rope, silu


def grouped_query_attention(
    block: Block, x: Tensor, heads: int, kv_heads: int, rotation: Rope
) -> Tensor:
    """Attention in which `heads` query heads share `kv_heads` keys and values (arXiv:2305.13245),
    with rotary positions (arXiv:2104.09864). GGUF stores Q and K of this family permuted so that
    a rotated pair lies side by side."""
    width, head = x.shape[0], rotation.width
    q = linear(block.weight("attn_q.weight", heads * head, width), x).heads(heads)
    k = linear(block.weight("attn_k.weight", kv_heads * head, width), x).heads(kv_heads)
    v = linear(block.weight("attn_v.weight", kv_heads * head, width), x).heads(kv_heads)
    mixed = attention(rope(q, rotation), rope(k, rotation), v)
    return linear(block.weight("attn_output.weight", width, heads * head), mixed.flat())


def gated_mlp(block: Block, x: Tensor, hidden: int) -> Tensor:
    """Two linear maps with a SiLU gate between them (SwiGLU, arXiv:2002.05202)."""
    width = x.shape[0]
    gate = linear(block.weight("ffn_gate.weight", hidden, width), x)
    up = linear(block.weight("ffn_up.weight", hidden, width), x)
    return linear(block.weight("ffn_down.weight", width, hidden), silu(gate) * up)


def normalised(block: Block, x: Tensor, gain: str, epsilon: float) -> Tensor:
    """RMS norm (arXiv:1910.07467) with one of the block's gains."""
    return rms_norm(x, block.weight(gain, x.shape[0]), epsilon)
