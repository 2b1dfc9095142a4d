"""Activations to two signed bytes and a scale for each block of 32, in one pass over a row."""

from specs.schedules import activations as at

# Narrowing takes four lanes of each register in turn; this deals them into highs, then lows.
_ORDER = [4 * lane + part for part in range(4) for lane in range(4)]


def _inverse(p, peak):
    """LARGEST_BYTES / peak: an estimate of 14 bits and one of Newton's steps."""
    negative = p.subtract_f32(p.zero_f32(), peak)
    guess = p.let("guess", p.reciprocal_f32(peak))
    error = p.multiply_add_f32(negative, guess, p.broadcast_f32(1.0))
    better = p.multiply_add_f32(guess, error, guess)
    return p.let("inverse", p.multiply_f32(better, p.broadcast_f32(float(at.LARGEST_BYTES))))


def _bytes(p, q, order):
    """32 integers as highs and then lows: 128 * high + low."""
    moved = p.let("moved", p.add_i16(p.narrow_i32(*q), p.broadcast_i16(64)))
    low = p.subtract_i16(p.and_i32(moved, p.broadcast_i16(127)), p.broadcast_i16(64))
    both = p.narrow_i16(p.shift_right_i16(moved, 7), low)
    return p.let("both", p.permute_i32(both, order))


def _sums(p, both):
    """-128 times the sums of both halves of the block, of high bytes and of whole values: the first
    half's in the first lane, the second's in the fifth."""
    sums = p.let("sums", p.add_fours_u8(p.zero_i32(), p.broadcast_i8(1), both))
    p.set(sums, p.add_i32(sums, p.swap_pairs_i32(sums)))
    p.set(sums, p.add_i32(sums, p.swap_halves_i32(sums)))
    high = p.let("high", p.shift_left_u32(sums, 7))
    p.set(sums, p.add_i32(high, p.swap_pairs_of_registers_i32(sums)))
    return (
        p.let("high_starts", p.subtract_i32(p.zero_i32(), high)),
        p.let("starts", p.subtract_i32(p.zero_i32(), p.shift_left_u32(sums, 7))),
    )


def _written(p, record, scale, starts, names):
    """Stores a block's scale, its sum in floats, and where sums of unsigned products start."""
    first = starts
    second = p.let(f"{first.name}_second", p.swap_registers_i32(first))
    start = p.let(f"{first.name}_both", p.add_i32(first, second))
    total = p.multiply_f32(p.to_f32(start), p.broadcast_f32(-1 / 128))
    scale_at, sum_at, start_at, halves_at = names
    for place, value in (
        (scale_at, scale),
        (sum_at, p.multiply_f32(total, scale)),
        (start_at, p.as_f32(start)),
        (halves_at, p.as_f32(first)),
        (halves_at + 4, p.as_f32(second)),
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
            peak = p.let("peak", p.maximum_f32(*(p.magnitude_f32(each) for each in x)))
            p.across(peak, p.maximum_f32)
            p.set(peak, p.maximum_f32(peak, p.broadcast_f32(1e-20)))
            inverse = _inverse(p, peak)
            both = _bytes(p, [p.round_f32(p.multiply_f32(each, inverse)) for each in x], order)
            p.do(p.store_f32(record + at.HIGHS // 4, p.as_f32(both)))
            high_starts, starts = _sums(p, both)
            scale = p.let("scale", p.multiply_f32(peak, p.broadcast_f32(1 / at.LARGEST_BYTES)))
            _written(p, record, scale, starts, at.WHOLE)
            scale = p.let("high_scale", p.multiply_f32(scale, p.broadcast_f32(128.0)))
            _written(p, record, scale, high_starts, at.HIGH)
