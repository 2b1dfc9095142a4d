"""Activations to two signed bytes and a scale for each block of 32, for vectors of four."""

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


def quantize(p, K, row_of=at.given_row):
    stride = at.quantized_bytes(K)
    for r, _ in p.tile_rows(1):
        row = row_of(p, K, r)
        records = p.pointer("records", p.argument("q", "u8") + (r * stride + at.ROW_HEADER))
        with p.loop("b", K // 32) as b:
            record = p.pointer("record", (records + b * at.BLOCK_BYTES).cast("i8"))
            x = [p.let(f"x{i}", p.load_f32(row + (b * 32 + 4 * i))) for i in range(8)]
            peak = _largest(p, x)
            inverse = p.let("inverse", p.divide_f32(p.broadcast_f32(float(at.LARGEST_BYTES)), peak))
            highs, lows = [], []
            for n in range(4):
                two = [p.round_f32(p.multiply_f32(x[2 * n + i], inverse)) for i in range(2)]
                moved = p.let(f"moved{n}", p.add_i16(p.narrow_i32(*two), p.broadcast_i16(64)))
                highs.append(p.let(f"high{n}", p.shift_right_i16(moved, 7)))
                low = p.add_i16(p.and_i32(moved, p.broadcast_i16(127)), p.broadcast_i16(-64))
                lows.append(p.let(f"low{n}", low))
            for place, parts in ((at.HIGHS, highs), (at.LOWS, lows)):
                for n in range(2):
                    narrow = p.narrow_i16(parts[2 * n], parts[2 * n + 1])
                    p.do(p.store_i8(record + (place + 16 * n), narrow))
            scale = p.let("scale", p.multiply_f32(peak, p.broadcast_f32(1 / at.LARGEST_BYTES)))
            high_scale = p.let("high_scale", p.multiply_f32(scale, p.broadcast_f32(128.0)))
            high_sum = p.let("high_sum", p.multiply_f32(_summed(p, "highs", highs), high_scale))
            low_sum = p.multiply_f32(_summed(p, "lows", lows), scale)
            for place, value in (
                (at.SCALE, scale),
                (at.SCALE_SUM, p.add_f32(high_sum, low_sum)),
                (at.HIGH_SCALE, high_scale),
                (at.HIGH_SUM, high_sum),
            ):
                p.do(p.store_first_f32((record + place).cast("f32"), value))
