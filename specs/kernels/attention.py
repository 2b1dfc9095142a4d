"""Attention of rows of one sequence over a paged cache, in one pass over its blocks: over all positions
that a row sees, or over some of them. Then `y` is not yet divided by `total`, and `state` gets of
each row and head `highest` (or any reference that shares are relative to) and `total`, by which
engine/attention.c joins what comes of stretches of positions. Without `state` (null) nothing is to
be joined. `from` is a multiple of a block, and so is `to`, unless it is beyond all rows."""

from cllm_gen.schedule.kv_layout import ATTENTION_ROWS
from cllm_gen.spec.kernel import Kernel, Schedule
from specs.isa.amx import amx
from specs.isa.avx2 import avx2
from specs.isa.avx512 import avx512
from specs.isa.avx512_bf16 import avx512_bf16
from specs.isa.sse2 import sse2
from specs.isa.word32 import word32
from specs.isa.word64 import word64
from specs.schedules import attention_amx, attention_avx512
from specs.schedules.attention_blocks import Floats, blockwise
from specs.schedules.attention_words import Words

_ALGORITHM = """
        for r < rows, h < H, d < D, p < position + rows
        score[r, h, p] = sum(j < D: q[r, h, j] * keys[h // (H // G), p, j]) * scale
        visible[r, p] = {visible} * (p >= from) * (p < to)
        highest[r, h] = maximum(t < position + rows: select(visible[r, t], score[r, h, t], 0 - 1000000))
        share[r, h, p] = select(visible[r, p], exp(score[r, h, p] - highest[r, h]), 0)
        total[r, h] = sum(t < position + rows: share[r, h, t])
        y[r, h, d] = sum(t < position + rows: share[r, h, t] * values[h // (H // G), t, d]) / total[r, h]
    """

_AVX512 = {
    isa.name: Schedule(isa, trace, f"one row straight from the cache, as {form}")
    for isa, trace, form in (
        (avx512, attention_avx512.by_floats, "floats"),
        (avx512_bf16, attention_avx512.by_bfloats, "bfloat16"),
    )
}
_TILES = {
    "amx": Schedule(
        amx,
        attention_amx.attention_f16,
        "tiles of 16 rows and 16 positions",
        fits=lambda D, floats=0.0, **shape: D % 32 == 0 and not floats,  # it leaves bfloat16
        quantizes=True,
    )
}


def _kernel(operation, kv, what, shape, visible):
    schedules = {**_AVX512, **_TILES} if kv == "f16" else {}
    return Kernel(
        operation=operation,
        type=kv,
        summary=f"Attention of 1 to {ATTENTION_ROWS} rows of one sequence over keys and values in {kv}: {what}.",
        shape=shape,
        arguments={
            "rows": "size",
            "position": "size",
            "from": "size",
            "to": "size",
            "first": "size",
            "last": "size",
            "q": "in f32",
            "layer_cache": "in u8",
            "block_bytes": "size",
            "blocks": "in u32",
            "state": "out f32",
            "y": "out f32",
        },
        algorithm=_ALGORITHM.format(visible=visible),
        schedules={
            isa.name: Schedule(
                isa, blockwise(kind, kv), f"{lanes} values a vector; a block is converted once"
            )
            for isa, kind, lanes in ((sse2, Floats, 4), (avx2, Floats, 8))
        }
        | {
            isa.name: Schedule(
                isa, blockwise(Words, kv), "whole numbers; a block is converted once"
            )
            for isa in (word32, word64)
        }
        | schedules,
    )


_ALL = "groups [first, last), of positions [from, to) those up to its own"
_WINDOW = "the same of the last W positions, its own included"
attention_f16, attention_i8 = (
    _kernel("attention", kv, _ALL, ("H", "G", "D"), "(p <= position + r)") for kv in ("f16", "i8")
)
attention_window_f16, attention_window_i8 = (
    _kernel(
        "attention_window",
        kv,
        _WINDOW,
        ("H", "G", "D", "W"),
        "(p <= position + r) * (p > position + r - W)",
    )
    for kv in ("f16", "i8")
)
