"""What the importer knows of each family: the constants and the forward pass of its spec, the tensors
that pass reads, and the metadata that would ask for something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.gguf_file import GgufFile

Facts = dict[str, Any]
ROPE_FACTORS = "rope_freqs.weight"  # Llama 3.1 and later: what divides each pair's frequency


@dataclass(frozen=True)
class Family:
    """`constants` are (name, expression) with {holes} for facts; `layer` is the loop's body.
    `tensors` are the parts of a layer; `own` adds facts that only this family has."""

    description: str
    blocks: tuple[str, ...]
    constants: tuple[tuple[str, str], ...]
    layer: str
    tensors: tuple[str, ...]
    halves: bool = False
    operations: tuple[str, ...] = ()
    """Names that the spec needs from cllm_gen.spec.tensor beside those that every spec needs."""
    embedding: str = "rows.embed(table)"
    own: Callable[[GgufFile, Facts], Facts] = lambda file, facts: {}


_CONSTANTS = (
    ("HEADS", "{heads}"),
    ("KV_HEADS", "{kv_heads}"),
    ("HIDDEN", "{hidden}"),
    ("EPSILON", "{epsilon!r}"),
)
_ROTATION = ("ROTATION", "Rope({rotation})")
_PARTS = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
_TENSORS = tuple(f"{part}.weight" for part in ("attn_norm", "ffn_norm", *_PARTS))
_HEAD_NORMS = ("attn_q_norm.weight", "attn_k_norm.weight")
_PLAIN_BLOCKS = ("gated_mlp", "grouped_query_attention", "normalised")


def _plain_layer(more: str = "") -> str:
    return f"""
        y = normalised(block, x, "attn_norm.weight", EPSILON)
        x = x + grouped_query_attention(block, y, HEADS, KV_HEADS, ROTATION{more})
        y = normalised(block, x, "ffn_norm.weight", EPSILON)
        x = x + gated_mlp(block, y, HIDDEN)
"""


def _gemma3(file: GgufFile, facts: Facts) -> Facts:
    """Windows: all layers but each PERIOD-th; those have a rotary base of their own."""
    get = file.metadata.get
    window = get("gemma3.attention.sliding_window")
    period = get("gemma3.attention.sliding_window_pattern", 6)
    base = get("gemma3.rope.freq_base_swa", 10000.0)
    found = {"window": window, "period": period}
    for name, value in found.items():
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            raise ModelFileError(
                f"{file.path.name}: gemma3: the {name} of windowed attention is {value!r}, "
                "not a positive number"
            )
    return {**found, "local": f"width={facts['head']}, base={base!r}, halves=True"}


FAMILIES = {
    "llama": Family(
        description="a llama-family decoder",
        blocks=_PLAIN_BLOCKS,
        constants=(*_CONSTANTS, _ROTATION),
        layer=_plain_layer(),
        tensors=_TENSORS,
    ),
    "qwen2": Family(
        description="a decoder of the Qwen 2 family",
        blocks=_PLAIN_BLOCKS,
        constants=(*_CONSTANTS, _ROTATION),
        layer=_plain_layer(", biases=True"),
        tensors=(*_TENSORS, "attn_q.bias", "attn_k.bias", "attn_v.bias"),
        halves=True,
    ),
    "qwen3": Family(
        description="a decoder of the Qwen 3 family",
        blocks=_PLAIN_BLOCKS,
        constants=(*_CONSTANTS, _ROTATION),
        layer=_plain_layer(", head_norms=EPSILON"),
        tensors=(*_TENSORS, *_HEAD_NORMS),
        halves=True,
    ),
    "gemma3": Family(
        description="a decoder of the Gemma 3 family",
        blocks=_PLAIN_BLOCKS,
        operations=("gelu",),
        constants=(
            *_CONSTANTS,
            ("PERIOD", "{period}"),
            ("WINDOW", "{window}"),
            ("GLOBAL", "Rope({rotation})"),
            ("LOCAL", "Rope({local})"),
        ),
        embedding="rows.embed(table) * model.width**0.5",
        layer="""
        far = (layer + 1) % PERIOD == 0
        y = normalised(block, x, "attn_norm.weight", EPSILON)
        y = grouped_query_attention(
            block,
            y,
            HEADS,
            KV_HEADS,
            GLOBAL if far else LOCAL,
            head_norms=EPSILON,
            window=None if far else WINDOW,
        )
        x = x + normalised(block, y, "post_attention_norm.weight", EPSILON)
        y = normalised(block, x, "ffn_norm.weight", EPSILON)
        y = gated_mlp(block, y, HIDDEN, gelu)
        x = x + normalised(block, y, "post_ffw_norm.weight", EPSILON)
""",
        tensors=(*_TENSORS, *_HEAD_NORMS, "post_attention_norm.weight", "post_ffw_norm.weight"),
        halves=True,
        own=_gemma3,
    ),
}

REFUSED = {  # metadata that no family's pass computes, and the values that ask for nothing
    "expert_count": (0,),
    "attn_logit_softcapping": (0.0,),
    "final_logit_softcapping": (0.0,),
    "logit_scale": (1.0,),
    "embedding_scale": (1.0,),
    "residual_scale": (1.0,),
    "attention.scale": (0.0,),
    "attention.clamp_kqv": (0.0,),
    "attention.causal": (True,),
    "use_parallel_residual": (False,),
    "rope.scaling.attn_factor": (1.0,),
}


def facts_of(file: GgufFile, architecture: str) -> Facts:
    """Hyper-parameters by the names that the constants use. Raises ModelFileError naming what is
    missing, contradictory or not known."""
    family, metadata = FAMILIES[architecture], file.metadata

    def get(key: str, kind: type) -> Any:
        return metadata_field(file, f"{architecture}.{key}", kind)

    def optional(key: str, other: Any) -> Any:
        return metadata.get(f"{architecture}.{key}", other)

    heads = get("attention.head_count", int)
    facts = {
        "layers": get("block_count", int),
        "width": get("embedding_length", int),
        "context": get("context_length", int),
        "hidden": get("feed_forward_length", int),
        "heads": heads,
        "epsilon": float(f"{get('attention.layer_norm_rms_epsilon', float):.7g}"),
    }
    facts["kv_heads"] = optional("attention.head_count_kv", heads)
    facts["base"] = optional("rope.freq_base", 10000.0)
    facts["head"] = optional("attention.key_length", facts["width"] // max(heads, 1))
    for key, value in facts.items():
        kinds = (int, float) if key in ("epsilon", "base") else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value < 2**31:
            raise ModelFileError(
                f"{file.path.name}: {architecture}: {key} is {value!r}, not a positive number"
            )
    _check(file, architecture, facts)
    divisors = _divisors(file, architecture, facts["head"])
    facts["rotation"] = f"width={facts['head']}, base={facts['base']!r}"
    facts["rotation"] += ", halves=True" * family.halves
    facts["rotation"] += f", divisors={divisors!r}" if divisors else ""
    table = file.tensors.get("token_embd.weight")
    if table is None or len(table.shape) != 2:
        raise ModelFileError(f"{file.path.name}: no matrix token_embd.weight")
    return {**facts, **family.own(file, facts), "vocabulary": table.shape[0]}


def _check(file: GgufFile, architecture: str, facts: Facts) -> None:
    """Refuses what the pass would compute otherwise than the file asks."""
    optional, head = file.metadata.get, facts["head"]
    for key, what in (("rope.dimension_count", "turned"), ("attention.value_length", "V's width")):
        value = optional(f"{architecture}.{key}", head)
        if value != head:
            raise ModelFileError(
                f"{file.path.name}: {architecture}.{key} is {value}, but a head is {head} wide "
                f"({what}); only whole heads are known"
            )
    if facts["heads"] % facts["kv_heads"]:
        raise ModelFileError(
            f"{file.path.name}: {facts['heads']} heads cannot share {facts['kv_heads']} KV heads equally"
        )
    refused: dict[str, tuple[float, ...]] = dict(REFUSED)
    if architecture != "gemma3":
        refused["attention.sliding_window"] = (0, facts["context"])
    for key, neutral in refused.items():
        value = optional(f"{architecture}.{key}", neutral[0])
        if value not in neutral:
            raise ModelFileError(
                f"{file.path.name}: {architecture}.{key} is {value!r}, which the pass of this family "
                f"does not know (it computes as with {neutral[0]!r})"
            )


def _divisors(file: GgufFile, architecture: str, head: int) -> tuple[float, ...]:
    """What divides the angles of rotary positions: one for all pairs, one for each, or nothing."""
    kind = file.metadata.get(f"{architecture}.rope.scaling.type", "none")
    factor = file.metadata.get(f"{architecture}.rope.scaling.factor", 1.0)
    if kind not in ("none", "linear"):
        raise ModelFileError(
            f"{file.path.name}: {architecture}.rope.scaling.type is {kind!r}; known are 'none' and 'linear'"
        )
    if not isinstance(factor, float) or not factor > 0:
        raise ModelFileError(
            f"{file.path.name}: {architecture}.rope.scaling.factor is {factor!r}, not a positive number"
        )
    found = np.full(head // 2, factor if kind == "linear" else 1.0)
    if ROPE_FACTORS in file.tensors:
        factors = file.tensors[ROPE_FACTORS]
        if factors.shape != found.shape or factors.type != "f32":
            raise ModelFileError(
                f"{file.path.name}: {ROPE_FACTORS} is {factors.type} of shape {factors.shape}; "
                f"f32 of {head // 2} values are expected"
            )
        found = found * factors.values()
    if not (found > 0).all():
        raise ModelFileError(f"{file.path.name}: {ROPE_FACTORS} has values that are not positive")
    if (found == 1).all():
        return ()
    values = tuple(float(f"{value:.9g}") for value in found)
    return values[:1] if len(set(values)) == 1 else values


def metadata_field(file: GgufFile, key: str, kind: type) -> Any:
    """A field that must be there; raises ModelFileError naming it and what was found."""
    value = file.metadata.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        found = "is missing" if value is None else f"is {str(value)[:60]!r}"
        raise ModelFileError(
            f"{file.path.name}: metadata field {key} {found}; a {kind.__name__} is expected"
        )
    return value
