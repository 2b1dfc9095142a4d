"""Blocks that transformer families share; a model's forward pass is made of these.

GGUF names the tensors of layer L `blk.L.<part>.weight`; a `Block` supplies that prefix.
"""

from collections.abc import Callable

from cllm_gen.spec.model import Block
from cllm_gen.spec.tensor import Rope, Tensor, attention, biased, linear, rms_norm, rope, silu


def grouped_query_attention(
    block: Block,
    x: Tensor,
    heads: int,
    kv_heads: int,
    rotation: Rope,
    *,
    biases: bool = False,
    head_norms: float | None = None,
    window: int | None = None,
) -> Tensor:
    """Attention in which `heads` query heads share `kv_heads` keys and values (arXiv:2305.13245),
    with rotary positions (arXiv:2104.09864). Q, K and V may have biases; each head of Q and K may be
    normalised, with `head_norms` as epsilon; a row may see only its last `window` positions."""
    width, head = x.shape[0], rotation.width
    q = linear(block.weight("attn_q.weight", heads * head, width), x)
    k = linear(block.weight("attn_k.weight", kv_heads * head, width), x)
    v = linear(block.weight("attn_v.weight", kv_heads * head, width), x)
    if biases:
        q = biased(q, block.weight("attn_q.bias", heads * head))
        k = biased(k, block.weight("attn_k.bias", kv_heads * head))
        v = biased(v, block.weight("attn_v.bias", kv_heads * head))
    q, k, v = q.heads(heads), k.heads(kv_heads), v.heads(kv_heads)
    if head_norms is not None:
        q = rms_norm(q, block.weight("attn_q_norm.weight", head), head_norms)
        k = rms_norm(k, block.weight("attn_k_norm.weight", head), head_norms)
    mixed = attention(rope(q, rotation), rope(k, rotation), v, window)
    return linear(block.weight("attn_output.weight", width, heads * head), mixed.flat())


def gated_mlp(
    block: Block, x: Tensor, hidden: int, activation: Callable[[Tensor], Tensor] = silu
) -> Tensor:
    """Two linear maps with a gate between them (arXiv:2002.05202): SwiGLU, or GeGLU with gelu."""
    width = x.shape[0]
    gate = linear(block.weight("ffn_gate.weight", hidden, width), x)
    up = linear(block.weight("ffn_up.weight", hidden, width), x)
    return linear(block.weight("ffn_down.weight", width, hidden), activation(gate) * up)


def normalised(block: Block, x: Tensor, gain: str, epsilon: float) -> Tensor:
    """RMS norm (arXiv:1910.07467) with one of the block's gains."""
    return rms_norm(x, block.weight(gain, x.shape[0]), epsilon)
