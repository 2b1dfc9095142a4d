"""Where keys and values lie in a KV block, for each type that a cache may have. A block holds
BLOCK_TOKENS positions of all layers; a layer's part holds its G groups one after another, and a
group of width D is

    f16  keys    f16 [D / 2][BLOCK_TOKENS][2]      pairs of dimensions, position by position
         values  f16 [BLOCK_TOKENS / 2][D][2]      pairs of positions, dimension by dimension
    i8   keys    i8 [D / 4][BLOCK_TOKENS][4]       the same in fours
         scales  f32 [D / SCALED][BLOCK_TOKENS]    of the keys: one for SCALED dimensions
         values  i8 [BLOCK_TOKENS / 4][D][4]
         scales  f32 [D / SCALED][BLOCK_TOKENS]    of the values

so that decode keeps a position (scores) or a dimension (mixtures) in a lane and adds pairs of lanes
once, and a row of 16 pairs is a row of a matrix tile.

Scales so fine cost 0.0004 nats of divergence over the texts of tests/model; one for a head's 64
dimensions costs twice that, most of it through the keys.
"""

from __future__ import annotations

from cllm_gen.source import SpecError, caller_span

BLOCK_TOKENS = 32
ATTENTION_ROWS = 64  # of one call of an attention kernel, at most
ATTENTION_STRETCH = 1024
"""Positions that attention looks at as one, a multiple of BLOCK_TOKENS. What comes of a row's stretches is
joined in order, whoever computed it, so that how work is shared out changes no bit."""
STEP_SLOTS = 2
"""For each row of a step, places of what comes of a row's stretch until it is joined."""
SCALED = 16
"""Dimensions of one position that share a scale in i8."""
KV_TYPES = ("f16", "i8")


def half_bytes(kv: str, width: int) -> int:
    """Bytes of one group's keys, or of its values, in a block."""
    if kv not in KV_TYPES:
        raise SpecError(
            caller_span(), f"kv_cache={kv!r}", " or ".join(KV_TYPES), f'kv_cache="{KV_TYPES[0]}"'
        )
    if width % SCALED:
        raise SpecError(
            caller_span(),
            f"attention heads of width {width}",
            f"a multiple of {SCALED}",
            "Rope(width=64, base=10000.0)",
        )
    if kv == "f16":
        return 2 * BLOCK_TOKENS * width
    return BLOCK_TOKENS * width + width // SCALED * BLOCK_TOKENS * 4


def layer_bytes(kv: str, groups: int, width: int) -> int:
    """Bytes of a layer's part of a block, a multiple of 64. SpecError for an unknown type or a
    width that is not a multiple of SCALED."""
    return 2 * groups * half_bytes(kv, width)
