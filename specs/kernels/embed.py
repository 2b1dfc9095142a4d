"""Rows of an embedding matrix as floats, of every type that a matrix may have."""

from cllm_gen.schedule.weight_layout import LAYOUTS, TILE_ROWS
from cllm_gen.spec.kernel import Kernel, Schedule
from specs.isa.sse2 import sse2
from specs.schedules.halves import broadcast_half

NIBBLES = ("q4_1", "q5_1", "q4_k", "q5_k")
FIFTH = ("q5_1", "q5_k")


def _four(p, name, quants):
    """Four signed bytes of every lane, each in a lane of its own, as floats."""
    twice = p.let(f"{name}_twice", p.interleave_i8(quants, quants))
    return p.to_f32(p.shift_right_i32(p.interleave_i16(twice, twice), 24))


def _quants(p, type_name, block, lane):
    """The 32 quants of a row, four at a time: (index of the first, floats)."""
    if type_name not in NIBBLES:
        for v in range(8):
            four = p.let(f"q{v}", p.broadcast_i32((block + 64 * v).at(lane, "i32")))
            yield 4 * v, _four(p, f"q{v}", four)
        return
    if type_name in FIFTH:
        fifth = p.let("fifth", p.broadcast_i32((block + 256).at(lane, "i32")))
    for v in range(4):
        both = p.let(f"both{v}", p.broadcast_i32((block + 64 * v).at(lane, "i32")))
        for half in range(2):
            name, part = f"q{v + 4 * half}", p.shift_right_u32(both, 4) if half else both
            four = p.let(name, p.and_i32(part, p.broadcast_i32(0x0F0F0F0F)))
            if type_name in FIFTH:
                moved = (
                    p.shift_left_u32(fifth, 4 - v)
                    if not half
                    else p.let(f"{name}_moved", p.shift_right_u32(fifth, v) if v else fifth)
                )
                p.set(four, p.or_i32(four, p.and_i32(moved, p.broadcast_i32(0x10101010))))
            yield 4 * v + 16 * half, _four(p, name, four)


def _scale(p, layout, record, place, lane):
    """Scale number `place` of the row's record, in every lane."""
    if layout.record_bytes <= 64:
        return broadcast_half(p, (record + 2 * TILE_ROWS * place).at(lane, "u16"))
    return p.broadcast_f32((record + 4 * TILE_ROWS * place).at(lane, "f32"))


def _row(p):
    """For each row of the batch its token, the token's tile, and its row in the tile."""
    for r, _ in p.tile_rows(1):
        token = p.index("token", p.argument("tokens", "i32").at(r))
        yield r, token, p.index("lane", token % TILE_ROWS)


def _quantised(type_name):
    layout = LAYOUTS[type_name]

    def embed(p, N, K):
        for r, token, lane in _row(p):
            tile = token // TILE_ROWS * layout.tile_bytes(K)
            weights = p.pointer("weights", p.argument("w", "u8") + tile)
            with p.loop("b", K // 32) as b:
                block = p.pointer("block", weights + b * layout.block_bytes)
                record = p.pointer("record", block + layout.quant_bytes)
                scales = [p.let("scale", _scale(p, layout, record, 0, lane))]
                if type_name == "q6_k":
                    scales.append(p.let("scale_behind", _scale(p, layout, record, 1, lane)))
                if type_name in NIBBLES:
                    minimum = p.let("minimum", _scale(p, layout, record, 1, lane))
                out = p.pointer("out", p.argument("x", "f32") + (r * K + b * 32))
                for first, four in _quants(p, type_name, block, lane):
                    value = p.multiply_f32(four, scales[first // 16 if len(scales) > 1 else 0])
                    if type_name in NIBBLES:
                        value = p.add_f32(value, minimum)
                    p.do(p.store_f32(out + first, value))

    return embed


def _floats(type_name):
    layout = LAYOUTS[type_name]

    def embed(p, N, K):
        for r, token, lane in _row(p):
            tile = token // TILE_ROWS * layout.tile_bytes(K)
            weights = p.pointer("weights", p.argument("w", "u8") + tile)
            out = p.pointer("out", p.argument("x", "f32") + r * K)
            with p.loop("k", K) as k:
                if type_name == "f32":
                    value = p.broadcast_f32(weights.at(k * TILE_ROWS + lane, "f32"))
                elif type_name == "f16":
                    value = broadcast_half(p, weights.at(k * TILE_ROWS + lane, "u16"))
                else:
                    place = k // 2 * (2 * TILE_ROWS) + lane * 2 + k % 2
                    bits = p.broadcast_i32(weights.at(place, "u16"))
                    value = p.as_f32(p.shift_left_u32(bits, 16))
                p.do(p.store_first_f32(out + k, value))

    return embed


def _embed(type_name, steps, how):
    return Kernel(
        operation="embed",
        type=type_name,
        summary="Rows of the embedding matrix, one a token.",
        shape=("N", "K"),
        arguments={"rows": "size", "tokens": "in i32", "w": "in bytes", "x": "out f32"},
        algorithm="""
            for r < rows, k < K
            x[r, k] = w[tokens[r], k]
        """,
        schedules={"sse2": Schedule(sse2, steps(type_name), how)},
    )


_FOURS, _ONES = "4 values a vector", "one value after another"
embed_q4_1 = _embed("q4_1", _quantised, _FOURS)
embed_q5_1 = _embed("q5_1", _quantised, _FOURS)
embed_q8_0 = _embed("q8_0", _quantised, _FOURS)
embed_q4_k = _embed("q4_k", _quantised, _FOURS)
embed_q5_k = _embed("q5_k", _quantised, _FOURS)
embed_q6_k = _embed("q6_k", _quantised, _FOURS)
embed_f16 = _embed("f16", _floats, _ONES)
embed_bf16 = _embed("bf16", _floats, _ONES)
embed_f32 = _embed("f32", _floats, _ONES)
