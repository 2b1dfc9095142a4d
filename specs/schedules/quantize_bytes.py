"""Activations to signed bytes and a scale for each block of 32, in one pass over a row; the four that
have a block's largest among them get two bytes."""

from functools import reduce

from cllm_gen.schedule.terms import Term
from specs.schedules import activations as at

# Narrowing takes four lanes of each register in turn; this deals them into order: with 16 lanes a
# register's worth of lows and then of highs, with 8 either of them.
_ORDER = {
    16: [4 * lane + part for part in range(4) for lane in range(4)],
    8: [4 * lane + part for part in range(4) for lane in range(2)],
}


def _join(p, name, a, b):
    """The largest and the next of two such pairs; b[1] may be None."""
    below = p.minimum_f32(a[0], b[0])
    for each in (a[1], b[1]):
        below = below if each is None else p.maximum_f32(below, each)
    return p.let(f"{name}_top", p.maximum_f32(a[0], b[0])), p.let(f"{name}_second", below)


def _two_largest(p, x):
    """The largest magnitudes among fours of 32 floats: the largest of each four in its lanes, and of all
    fours the largest and the next, in every lane."""
    fours = [p.let(f"magnitude{i}", p.magnitude_f32(each)) for i, each in enumerate(x)]
    for each in fours:
        p.set(each, p.maximum_f32(each, p.swap_pairs_f32(each)))
        p.set(each, p.maximum_f32(each, p.swap_halves_f32(each)))
    found = [
        _join(p, f"fours{i}", (a, None), (b, None))
        for i, (a, b) in enumerate(zip(fours[::2], fours[1::2]))
    ]
    top, second = reduce(lambda a, b: _join(p, "block", a, b), found)
    for part in ("pairs_of_registers", "registers"):
        swap = getattr(p, f"swap_{part}_f32") if p.has(f"swap_{part}_f32") else None
        if swap:
            other = p.let(f"{part}_top", swap(top)), swap(second)
            top, second = _join(p, f"over_{part}", (top, second), other)
    return fours, top, second


def _peak(p, fours, top):
    """The number of the first four that has the largest, and its lanes as 32 bits; some four in any
    case, whatever is not a number."""
    lanes = 32 // len(fours)
    masks = []
    for i, each in enumerate(fours):
        p.let(f"equal{i}", p.mask_equal_f32(each, top))
        masks.append(f"(uint32_t)equal{i} << {lanes * i}" if i else "(uint32_t)equal0")
    equal = " | ".join([*masks, "UINT32_C(0x80000000)"])
    peak = p.index("peak", Term(f"(size_t)__builtin_ctz({equal}) / 4"))
    return peak, p.index("lanes", Term(f"UINT32_C(15) << 4 * {peak.text}"))


def _bytes(p, q, lanes, order):
    """32 integers as lows and then highs, 128 * high + low, with highs in some lanes alone: in one
    register or in two."""
    highs, lows = [], []
    for i, each in enumerate(q):
        rounded = p.shift_right_i32(p.add_i32(each, p.broadcast_i32(64)), 7)
        mask = Term(f"{lanes.text} >> {32 // len(q) * i}" if i else lanes.text)
        highs.append(p.let(f"high{i}", p.keep_lanes_i32(mask, rounded)))
        lows.append(p.subtract_i32(each, p.shift_left_u32(highs[i], 7)))
    halves = [p.narrow_i32(a, b) for part in (lows, highs) for a, b in zip(part[::2], part[1::2])]
    return [
        p.let(f"bytes{i}", p.permute_i32(p.narrow_i16(a, b), order))
        for i, (a, b) in enumerate(zip(halves[::2], halves[1::2]))
    ]


def _fours(p, x):
    """The sums of four signed bytes."""
    if p.has("add_fours_u8"):
        return p.add_fours_u8(p.zero_i32(), p.broadcast_i8(1), x)
    return p.multiply_pairs_i16(p.multiply_pairs_u8(p.broadcast_i8(1), x), p.broadcast_i16(1))


def _starts(p, parts):
    """-128 times the sums of both halves of the block: the first half's in the first lane, the
    second's in the fifth."""
    sums = [p.let(f"sums{i}", _fours(p, each)) for i, each in enumerate(parts)]
    highs = p.shift_left_u32(sums[-1], 7)
    if len(sums) == 1:
        highs = p.swap_pairs_of_registers_i32(highs)
    whole = p.let("whole", p.add_i32(sums[0], highs))
    p.set(whole, p.add_i32(whole, p.swap_pairs_i32(whole)))
    p.set(whole, p.add_i32(whole, p.swap_halves_i32(whole)))
    return p.let("starts", p.subtract_i32(p.zero_i32(), p.shift_left_u32(whole, 7)))


def _write(p, record, scale, starts):
    """Stores a block's scale, its sum in floats, and where sums of unsigned products start."""
    second = p.let("second_start", p.swap_registers_i32(starts))
    start = p.let("start", p.add_i32(starts, second))
    total = p.multiply_f32(p.to_f32(start), p.broadcast_f32(-1 / 128))
    for place, value in (
        (at.SCALE, scale),
        (at.SCALE_SUM, p.multiply_f32(total, scale)),
        (at.START, p.as_f32(start)),
        (at.START_OF_HALVES, p.as_f32(starts)),
        (at.START_OF_HALVES + 4, p.as_f32(second)),
    ):
        p.do(p.store_first_f32(record + place // 4, value))


def _scale(p, top, second):
    """The step of a block, and how many are in 1."""
    scale = p.let(
        "scale",
        p.maximum_f32(
            p.multiply_f32(second, p.broadcast_f32(1 / at.LARGEST_LOW)),
            p.multiply_f32(top, p.broadcast_f32(1 / at.LARGEST_BYTES)),
        ),
    )
    p.set(scale, p.maximum_f32(scale, p.broadcast_f32(1e-24)))
    return scale, p.let("inverse", p.divide_f32(p.broadcast_f32(1.0), scale))


def quantize(p, K, row_of=at.given_row):
    stride, width = at.quantized_bytes(K), p.lanes("load_f32")
    order = p.let("order", p.load_i8(p.constants("places", "i32", _ORDER[width]).cast("i8")))
    for r, _ in p.tile_rows(1):
        row = row_of(p, K, r)
        records = p.pointer("records", p.argument("q", "u8") + (r * stride + at.ROW_HEADER))
        with p.loop("b", K // 32) as b:
            record = p.pointer("record", (records + b * at.BLOCK_BYTES).cast("f32"))
            x = [p.let(f"x{i}", p.load_f32(row + (b * 32 + width * i))) for i in range(32 // width)]
            fours, top, second = _two_largest(p, x)
            peak, lanes = _peak(p, fours, top)
            scale, inverse = _scale(p, top, second)
            q = [
                p.let(f"q{i}", p.round_f32(p.multiply_f32(each, inverse)))
                for i, each in enumerate(x)
            ]
            parts = _bytes(p, q, lanes, order)
            for part, place in zip(parts, (at.LOWS, at.HIGHS)):
                p.do(p.store_f32(record + place // 4, p.as_f32(part)))
            p.do(p.store_first_f32(record + at.PEAK // 4, p.as_f32(p.broadcast_i32(peak))))
            _write(p, record, scale, _starts(p, parts))
