"""A model to C: the traced pass as tables of stages, phases and operations, with names for what
their numbers are, and one `const struct language_model` that describes it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cllm_gen.lower import tokenizer
from cllm_gen.lower.chat import outputs as chat_template
from cllm_gen.lower.model import kernel_tables
from cllm_gen.lower.model.forward import forward_context
from cllm_gen.lower.model.lowered import ROWS_MAX, Lowered, logits_max, lowered
from cllm_gen.lower.output import Output
from cllm_gen.schedule.kv_layout import BLOCK_TOKENS
from cllm_gen.spec.isa import InstructionSet
from cllm_gen.spec.model import Model


def outputs(model: Model, sets: Sequence[InstructionSet], kv_cache: str = "f16") -> list[Output]:
    """All files below `generated/models/<model>/` and the kernels that they call. What depends on
    the type of the KV cache lies in a folder of its name."""
    low = lowered(model, kv_cache)
    specs = sorted({op.span.path for op in low.program.operations} | {model.span.path})
    return [
        Output(
            f"{folder(model, kv_cache)}/forward.c",
            "forward.c.j2",
            {**forward_context(low), **_sizes(low), "folder": folder(model, kv_cache)},
            specs,
            {"model": model.name, "kv_cache": kv_cache},
        ),
        *kernel_tables.outputs(low, folder(model, kv_cache), symbol(model, kv_cache), sets),
        *tokenizer.outputs(model),
        *chat_template.outputs(model),
    ]


def folder(model: Model, kv_cache: str) -> str:
    """Where generated C lies that depends on a model and the type of its KV cache."""
    return f"models/{model.name}/{kv_cache}"


def symbol(model: Model, kv_cache: str) -> str:
    """The C name of its `const struct language_model`."""
    return f"{model.name}__{kv_cache}"


def _sizes(low: Lowered) -> dict[str, object]:
    model = low.program.model
    return {
        "model": model,
        "symbol": symbol(model, low.kv_cache),
        "kv_cache": low.kv_cache,
        "cite": model.span.cite(),
        "parameters": sum(math.prod(item.weight.shape) for item in low.weights.values()),
        "vocabulary_type": {
            "llama": "VOCABULARY_SENTENCEPIECE",
            "gpt2": "VOCABULARY_BYTE_PAIRS",
        }[model.tokenizer.kind],
        "add_beginning": str(model.tokenizer.add_beginning).lower(),
        "beginning": -1 if model.tokenizer.beginning is None else model.tokenizer.beginning,
        "end": model.tokenizer.end,
        "rows_max": ROWS_MAX,
        "logits_max": logits_max(model),
        "block_tokens": BLOCK_TOKENS,
        "block_bytes": low.block_bytes,
        "weight_bytes": low.weight_bytes,
        "activation_bytes": low.activation_bytes,
        "fingerprint": ", ".join(f"0x{byte:02x}" for byte in low.fingerprint),
    }
