"""Activations to signed bytes and a scale for each block of 32, in one pass over a row; the four that
have a block's largest among them get two bytes."""

from cllm_gen.schedule.terms import Term
from specs.schedules import activations as at

# Narrowing takes four lanes of each register in turn; this deals them into lows, then highs.
_ORDER = [4 * lane + part for part in range(4) for lane in range(4)]


def _two_largest(p, x):
    """The largest magnitudes among fours of 32 floats in two registers: the largest of each four in its
    lanes, and of all fours the largest and the next, in every lane."""
    fours = [p.let(f"magnitude{i}", p.magnitude_f32(each)) for i, each in enumerate(x)]
    for each in fours:
        p.set(each, p.maximum_f32(each, p.swap_pairs_f32(each)))
        p.set(each, p.maximum_f32(each, p.swap_halves_f32(each)))
    top = p.let("top", p.maximum_f32(*fours))
    second = p.let("second", p.minimum_f32(*fours))
    for step, swap in (("pairs", p.swap_pairs_of_registers_f32), ("one", p.swap_registers_f32)):
        other = p.let(f"top_{step}", swap(top))
        below = p.maximum_f32(p.minimum_f32(top, other), swap(second))
        p.set(second, p.maximum_f32(second, below))
        p.set(top, p.maximum_f32(top, other))
    return fours, top, second


def _peak(p, fours, top):
    """The number of the first four that has the largest, and its lanes as 32 bits; some four in any
    case, whatever is not a number."""
    for i, each in enumerate(fours):
        p.let(f"equal{i}", p.mask_equal_f32(each, top))
    equal = "(uint32_t)equal0 | (uint32_t)equal1 << 16 | UINT32_C(0x80000000)"
    peak = p.index("peak", Term(f"(size_t)__builtin_ctz({equal}) / 4"))
    return peak, p.index("lanes", Term(f"UINT32_C(15) << 4 * {peak.text}"))


def _inverse(p, scale):
    """1 / scale: an estimate of 14 bits and one of Newton's steps."""
    guess = p.let("guess", p.reciprocal_f32(scale))
    negative = p.subtract_f32(p.zero_f32(), scale)
    error = p.multiply_add_f32(negative, guess, p.broadcast_f32(1.0))
    return p.let("inverse", p.multiply_add_f32(guess, error, guess))


def _bytes(p, q, lanes, order):
    """32 integers as lows and then highs, 128 * high + low, with highs in some lanes alone."""
    highs, lows = [], []
    for i, each in enumerate(q):
        rounded = p.shift_right_i32(p.add_i32(each, p.broadcast_i32(64)), 7)
        mask = Term(f"{lanes.text} >> 16") if i else Term(f"{lanes.text} & 0xffff")
        highs.append(p.let(f"high{i}", p.keep_lanes_i32(mask, rounded)))
        lows.append(p.subtract_i32(each, p.shift_left_u32(highs[i], 7)))
    both = p.narrow_i16(p.narrow_i32(*lows), p.narrow_i32(*highs))
    return p.let("both", p.permute_i32(both, order))


def _starts(p, both):
    """-128 times the sums of both halves of the block: the first half's in the first lane, the
    second's in the fifth."""
    sums = p.let("sums", p.add_fours_u8(p.zero_i32(), p.broadcast_i8(1), both))
    p.set(sums, p.add_i32(sums, p.swap_pairs_i32(sums)))
    p.set(sums, p.add_i32(sums, p.swap_halves_i32(sums)))
    highs = p.swap_pairs_of_registers_i32(p.shift_left_u32(sums, 7))
    whole = p.add_i32(sums, highs)
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


def quantize(p, K, row_of=at.given_row):
    stride = at.quantized_bytes(K)
    order = p.let("order", p.load_i8(p.constants("places", "i32", _ORDER).cast("i8")))
    for r, _ in p.tile_rows(1):
        row = row_of(p, K, r)
        records = p.pointer("records", p.argument("q", "u8") + (r * stride + at.ROW_HEADER))
        with p.loop("b", K // 32) as b:
            record = p.pointer("record", (records + b * at.BLOCK_BYTES).cast("f32"))
            x = [p.let(f"x{i}", p.load_f32(row + (b * 32 + 16 * i))) for i in range(2)]
            fours, top, second = _two_largest(p, x)
            peak, lanes = _peak(p, fours, top)
            scale = p.let(
                "scale",
                p.maximum_f32(
                    p.multiply_f32(second, p.broadcast_f32(1 / at.LARGEST_LOW)),
                    p.multiply_f32(top, p.broadcast_f32(1 / at.LARGEST_BYTES)),
                ),
            )
            p.set(scale, p.maximum_f32(scale, p.broadcast_f32(1e-24)))
            inverse = _inverse(p, scale)
            q = [
                p.let(f"q{i}", p.round_f32(p.multiply_f32(each, inverse)))
                for i, each in enumerate(x)
            ]
            both = _bytes(p, q, lanes, order)
            p.do(p.store_f32(record + at.LOWS // 4, p.as_f32(both)))
            for place, number in ((at.PEAK, peak), (at.PEAK_TWICE, peak * 0x10001)):
                p.do(p.store_first_f32(record + place // 4, p.as_f32(p.broadcast_i32(number))))
            _write(p, record, scale, _starts(p, both))
