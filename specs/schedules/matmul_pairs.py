"""Matrix kernels in products of 16 bits, two to a lane of 32, of activations in packed words (see
matmul_words.py): for types that words cannot multiply. And how weights are widened to such pairs.

Four quants of a row lie in a lane; widening them by parity leaves pairs (0, 2) and (1, 3), in which
activations are paired too. Sums of a block are exact integers; blocks are added up in floats.
"""

from cllm_gen.schedule.weight_layout import LAYOUTS
from specs.isa.sse2 import sse2
from specs.schedules import activations as at
from specs.schedules.halves import load_halves
from specs.schedules.matmul_results import tiles

NIBBLES = ("q4_1", "q5_1", "q4_k", "q5_k")
FIFTH = ("q5_1", "q5_k")


def nibbles(p, q, fifth):
    """Of a vector of nibbles the pairs at 2v, 2v + 1, 2v + 8, 2v + 9, by that offset from 2v.
    `fifth` is the block's fifth bits moved down by v, or None."""
    low = {
        0: p.and_i32(q, p.broadcast_i16(15)),
        8: p.and_i32(p.shift_right_u16(q, 4), p.broadcast_i16(15)),
        1: p.and_i32(p.shift_right_u16(q, 8), p.broadcast_i16(15)),
        9: p.shift_right_u16(q, 12),
    }
    if fifth is None:
        return low
    moved = {
        0: p.shift_left_u16(fifth, 4),
        8: fifth,
        1: p.shift_right_u16(fifth, 4),
        9: p.shift_right_u16(fifth, 8),
    }
    return {
        index: p.or_i32(part, p.and_i32(moved[index], p.broadcast_i16(16)))
        for index, part in low.items()
    }


def signed_bytes(p, q):
    """Of a vector of signed bytes the pairs at 2v and 2v + 1."""
    return {0: p.shift_right_i16(p.shift_left_u16(q, 8), 8), 1: p.shift_right_i16(q, 8)}


def _pair_of_word(p, name, place):
    """A pair of activations in every lane, from a packed word: its high half lacks one where its low half
    is negative, and its halves are in the other order."""
    word = p.let(name, p.broadcast_i32(place))
    borrow = p.shift_left_u32(p.and_i32(word, p.broadcast_i32(0x8000)), 1)
    p.set(word, p.add_i32(word, borrow))
    return p.or_i32(p.shift_left_u32(word, 16), p.shift_right_u32(word, 16))


def _scales(p, layout, record, place, c, lanes):
    """The 16-row group number `place` of a record's scales, lanes of vector c."""
    if layout.record_bytes <= 64:
        return load_halves(p, record + 2 * (16 * place + lanes * c))
    return p.load_f32((record + 4 * (16 * place + lanes * c)).cast("f32"))


def _add_dots(p, type_name, block, records, dots, vectors):
    """Adds the products of some of a block's vectors to the sums: `vectors` is (first, count)."""
    lanes = p.lanes("add_f32")
    fifths = [None] * (16 // lanes)
    if type_name in FIFTH:
        fifths = [
            p.let(f"fifth{c}", p.load_i8(block + (256 + 4 * lanes * c))) for c in range(16 // lanes)
        ]
    first, count = vectors
    with p.loop("v", first + count, start=first, unroll=True) as v:
        for c in range(16 // lanes):
            q = p.let(f"q{c}", p.load_i8(block + (64 * v + 4 * lanes * c)))
            terms = nibbles(p, q, fifths[c]) if type_name in NIBBLES else signed_bytes(p, q)
            for index, wide in terms.items():
                w = p.let(f"w{c}_{index}", wide)
                for i, record in enumerate(records):
                    place = (record + at.PAIRS).cast("i32").at(2 * v + index)
                    x = _pair_of_word(p, f"x{i}_{c}_{index}", place)
                    p.set(dots[i][c], p.add_i32(dots[i][c], p.multiply_pairs_i16(w, x)))
            if fifths[c] is not None:
                p.set(fifths[c], p.shift_right_u16(fifths[c], 1))


def _tile(p, type_name, K, weights, x, count, name):
    """Sums of a tile's 16 outputs for `count` rows: a list of vectors a row."""
    layout, lanes = LAYOUTS[type_name], p.lanes("add_f32")
    minima, halves = type_name in NIBBLES, 2 if type_name == "q6_k" else 1
    vectors = 4 if type_name in NIBBLES else 8
    stride = p.number("ROW_BYTES", at.quantized_bytes(K), K)
    sums = [
        [p.let(f"{name}sum{i}_{c}", p.zero_f32()) for c in range(16 // lanes)] for i in range(count)
    ]
    with p.loop("b", K // 32) as b:
        block = p.pointer("block", weights + b * layout.block_bytes)
        scales = p.pointer("scales", block + layout.quant_bytes)
        records = [p.pointer(f"x{i}", x + (b * at.BLOCK_BYTES + i * stride)) for i in range(count)]
        dots = [
            [p.let(f"dot{i}_{c}", p.zero_i32()) for c in range(16 // lanes)] for i in range(count)
        ]
        for half in range(halves):
            if half:
                for dot in (dot for row in dots for dot in row):
                    p.set(dot, p.zero_i32())
            part = (half * vectors // halves, vectors // halves)
            _add_dots(p, type_name, block, records, dots, part)
            for c in range(16 // lanes):
                suffix = f"{c}_{half}" if half else str(c)
                d = p.let(f"d{suffix}", _scales(p, layout, scales, half, c, lanes))
                m = p.let(f"m{suffix}", _scales(p, layout, scales, 1, c, lanes)) if minima else None
                for i, record in enumerate(records):
                    scale, scale_sum = (
                        p.broadcast_f32((record + place).at(0, "f32"))
                        for place in (at.SCALE, at.SCALE_SUM)
                    )
                    if minima:
                        p.add_product(sums[i][c], m, scale_sum)
                    scaled = p.multiply_f32(p.to_f32(dots[i][c]), d)
                    p.add_product(sums[i][c], scaled, scale)
    return sums


def _sums(p, type_name, K, weights, r, count, name):
    stride = p.number("ROW_BYTES", at.quantized_bytes(K), K)
    x = p.pointer(f"{name}x", p.argument("q", "u8") + (r * stride + at.ROW_HEADER))
    return _tile(p, type_name, K, weights, x, count, name)


PAIRS_OF_WORDS = {
    name: (sse2, tiles((1,), _sums), "4 outputs a vector, 16-bit products of words")
    for name in ("word32", "word64")
}
