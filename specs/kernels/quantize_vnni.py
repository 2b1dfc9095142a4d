"""Activations to two signed bytes and a scale for each block of 32, in one pass over a row."""

from specs.kernels import activations as at


def _halves(p, q, record, place):
    """Stores 16 integers as 128 * high + low."""
    high = p.let(f"{q.name}_high", p.shift_right_i32(p.add_i32(q, p.broadcast_i32(64)), 7))
    low = p.subtract_i32(q, p.shift_left_u32(high, 7))
    p.do(p.store_narrow_i8(record + (at.HIGHS + place), high))
    p.do(p.store_narrow_i8(record + (at.LOWS + place), low))


def _sums(p, a, b):
    """The sums of two vectors' lanes, each in the first lane of its own. Both are below 2^24."""
    a, b = p.let("q0_f32", p.to_f32(a)), p.let("q1_f32", p.to_f32(b))
    sums = p.let("sums", p.add_f32(p.join_lower_f32(a, b), p.join_upper_f32(a, b)))
    p.set(sums, p.add_f32(sums, p.swap_registers_f32(sums)))
    p.set(sums, p.add_f32(sums, p.swap_halves_f32(sums)))
    p.set(sums, p.add_f32(sums, p.swap_pairs_f32(sums)))
    return sums, p.let("sums_of_second", p.swap_pairs_of_registers_f32(sums))


def _start(p, total):
    return p.as_f32(p.truncate_f32(p.multiply_f32(total, p.broadcast_f32(-128.0))))


def quantize(p, K):
    stride = at.ROW_HEADER + K // 32 * at.BLOCK_BYTES
    for r, _ in p.tile_rows(1):
        row = p.pointer("row", p.argument("x", "f32") + r * K)
        records = p.pointer("records", p.argument("q", "u8") + (r * stride + at.ROW_HEADER))
        with p.loop("b", K // 32) as b:
            record = p.pointer("record", (records + b * at.BLOCK_BYTES).cast("i8"))
            x = [p.let(f"x{i}", p.load_f32(row + (b * 32 + 16 * i))) for i in range(2)]
            peak = p.let("peak", p.maximum_f32(*(p.magnitude_f32(each) for each in x)))
            p.across(peak, p.maximum_f32)
            p.set(peak, p.maximum_f32(peak, p.broadcast_f32(1e-20)))
            inverse = p.let("inverse", p.divide_f32(p.broadcast_f32(float(at.LARGEST_BYTES)), peak))
            q = [
                p.let(f"q{i}", p.round_f32(p.multiply_f32(each, inverse)))
                for i, each in enumerate(x)
            ]
            for i, each in enumerate(q):
                _halves(p, each, record, 16 * i)
            scale = p.let("scale", p.multiply_f32(peak, p.broadcast_f32(1 / at.LARGEST_BYTES)))
            first, second = _sums(p, *q)
            total = p.let("total", p.add_f32(first, second))
            for place, value in (
                (at.SCALE, scale),
                (at.SCALE_SUM, p.multiply_f32(total, scale)),
                (at.START, _start(p, total)),
                (at.START_OF_HALVES, _start(p, first)),
                (at.START_OF_HALVES + 4, _start(p, second)),
            ):
                p.do(p.store_first_f32((record + place).cast("f32"), value))
