"""Activations to ten bits in parts, and a scale for each block of 32, for vectors of four: see PARTS in
activations.py."""

from specs.schedules import activations as at


def _largest(p, values):
    """The largest magnitude among named vectors, in every lane."""
    mask = p.let("magnitude", p.as_f32(p.broadcast_i32(0x7FFFFFFF)))
    peak = p.let("peak", p.and_f32(values[0], mask))
    for each in values[1:]:
        p.set(peak, p.maximum_f32(peak, p.and_f32(each, mask)))
    p.across(peak, p.maximum_f32)
    p.set(peak, p.maximum_f32(peak, p.broadcast_f32(1e-20)))
    return peak


def _summed(p, name, parts):
    """The sum of vectors of 16 bits, in every lane of 32."""
    ones = [p.multiply_pairs_i16(part, p.broadcast_i16(1)) for part in parts]
    while len(ones) > 1:
        ones = [p.add_i32(*ones[i : i + 2]) for i in range(0, len(ones), 2)]
    total = p.let(name, ones[0])
    p.set(total, p.add_i32(total, p.swap_halves_i32(total)))
    p.set(total, p.add_i32(total, p.swap_pairs_i32(total)))
    return p.to_f32(total)


def _parts(p, n, low, high):
    """Of eight q[i] and eight q[16 + i] named vectors both, first, second: both is the number nearest to
    q[16 + i] / 16 that differs from q[i] by a multiple of 8."""
    sixteenth = p.add_i16(high, p.broadcast_i16(8))
    near = p.let(f"near{n}", p.shift_right_i16(sixteenth, 4))
    off = p.add_i16(p.subtract_i16(low, near), p.broadcast_i16(4))
    off = p.subtract_i16(p.and_i32(off, p.broadcast_i16(7)), p.broadcast_i16(4))
    both = p.let(f"both{n}", p.add_i16(near, off))
    first = p.let(f"first{n}", p.shift_right_i16(p.subtract_i16(low, both), 3))
    second = p.let(f"second{n}", p.subtract_i16(high, p.shift_left_u16(both, 4)))
    return both, first, second


def quantize(p, K, row_of=at.given_row):
    stride = at.quantized_bytes(K)
    for r, _ in p.tile_rows(1):
        row = row_of(p, K, r)
        records = p.pointer("records", p.argument("q", "u8") + (r * stride + at.ROW_HEADER))
        with p.loop("b", K // 32) as b:
            record = p.pointer("record", (records + b * at.BLOCK_BYTES).cast("i8"))
            x = [p.let(f"x{i}", p.load_f32(row + (b * 32 + 4 * i))) for i in range(8)]
            peak = _largest(p, x)
            inverse = p.let("inverse", p.divide_f32(p.broadcast_f32(float(at.LARGEST_PARTS)), peak))
            q = []
            for n in range(4):
                two = [p.round_f32(p.multiply_f32(x[2 * n + i], inverse)) for i in range(2)]
                q.append(p.let(f"q{n}", p.narrow_i32(*two)))
            both, first, second = zip(*(_parts(p, n, q[n], q[n + 2]) for n in range(2)))
            for place, pair in (
                (at.BOTH, both),
                (at.BOTH + 16, both),
                (at.FIRST, first),
                (at.SECOND, second),
            ):
                p.do(p.store_i8(record + place, p.narrow_i16(*pair)))
            scale = p.let("scale", p.multiply_f32(peak, p.broadcast_f32(1 / at.LARGEST_PARTS)))
            for place, value in (
                (at.SCALE, scale),
                (at.SCALE_SUM, p.multiply_f32(_summed(p, "sum", q), scale)),
            ):
                p.do(p.store_first_f32((record + place).cast("f32"), value))
