"""Activations to ten bits, a scale for each block of 32 and one for the row. Eight bits would move
one greedy token in thirty; ten move one in a hundred. Sets with byte products have forms of their own:
see specs/schedules/activations.py."""

from cllm_gen.spec.kernel import Kernel, Schedule
from specs.isa.amx import amx
from specs.isa.avx2 import avx2
from specs.isa.avx512 import avx512
from specs.isa.sse2 import sse2
from specs.isa.ssse3 import ssse3
from specs.schedules import activations as at
from specs.schedules import matmul_amx, quantize_bytes, quantize_parts
from specs.schedules.normalise import normalise


def _largest(p, x, name):
    """The largest magnitude among the 32 floats at x, in every lane."""
    magnitude = p.let(f"{name}_mask", p.as_f32(p.broadcast_i32(0x7FFFFFFF)))
    peak = p.let(name, p.and_f32(p.load_f32(x), magnitude))
    for i in range(4, 32, 4):
        p.set(peak, p.maximum_f32(peak, p.and_f32(p.load_f32(x + i), magnitude)))
    return peak


def _across(p, peak):
    """The maximum of all lanes in every lane."""
    p.set(peak, p.maximum_f32(peak, p.swap_halves_f32(peak)))
    p.set(peak, p.maximum_f32(peak, p.swap_pairs_f32(peak)))


def _pairs(p, values, record):
    """A value and its neighbour two further on, as pairs of 16-bit lanes."""
    for v, q in enumerate(values):
        low = p.let(f"{q.name}_low", p.and_i32(q, p.broadcast_i32(0xFFFF)))
        pair = p.or_i32(low, p.shift_left_u32(p.swap_halves_i32(q), 16))
        p.do(p.store_low_i8(record + (at.PAIRS + 8 * v), pair))


def _words(p, values, record):
    """A value times 65536 and its neighbour two further on, summed in 32 bits; and where sums start."""
    for v, q in enumerate(values):
        pair = p.add_i32(p.shift_left_u32(q, 16), p.swap_halves_i32(q))
        p.do(p.store_low_i8(record + (at.WORDS + 8 * v), pair))
    for v in range(4):
        half = p.let(f"half{v}", p.add_i32(values[v], values[v + 4]))
        p.set(half, p.add_i32(half, p.swap_pairs_i32(half)))
        other = p.let(f"other{v}", p.swap_halves_i32(half))
        start = p.let(f"start{v}", _start(p, p.add_i32(half, other)))
        above = p.let(f"above{v}", p.shift_left_u32(start, 16))
        place = (record + (at.STARTS + 8 * v)).cast("f32")
        p.do(p.store_first_f32(place, p.as_f32(p.add_i32(above, _start(p, other)))))
        p.do(p.store_first_f32(place + 1, p.as_f32(p.add_i32(above, start))))


def _start(p, total):
    """32768 - 8 * total, which is from 64 to 65472."""
    return p.subtract_i32(p.broadcast_i32(0x8000), p.shift_left_u32(total, 3))


def steps(layout):
    """The schedule that stores the values in `layout`, a function of program, values, record."""

    def quantize(p, K, row_of=at.given_row):
        for r, _ in p.tile_rows(1):
            row = row_of(p, K, r)
            record = p.pointer("record", p.argument("q", "u8") + r * at.quantized_bytes(K))
            p.note("The row's unit: its largest magnitude is LARGEST * LEVELS units.")
            peak = p.let("peak", p.broadcast_f32(1e-20))
            with p.loop("k", K, step=32) as k:
                block = _largest(p, row + k, "block")
                p.set(peak, p.maximum_f32(peak, block))
            _across(p, peak)
            units = 1 / (at.LARGEST * at.LEVELS)
            unit = p.let("unit", p.multiply_f32(peak, p.broadcast_f32(units)))
            p.do(p.store_first_f32(record.cast("f32"), unit))
            per_level = p.let("per_level", p.divide_f32(p.broadcast_f32(float(at.LEVELS)), peak))
            with p.loop("b", K // 32) as b:
                source = p.pointer("source", row + b * 32)
                target = p.pointer("target", record + (b * at.BLOCK_BYTES + at.ROW_HEADER))
                block = _largest(p, source, "block")
                _across(p, block)
                level = p.let(
                    "level",
                    p.add_i32(p.truncate_f32(p.multiply_f32(block, per_level)), p.broadcast_i32(1)),
                )
                level_f32 = p.let("level_f32", p.to_f32(level))
                scale = p.let("scale", p.multiply_f32(level_f32, unit))
                inverse = p.let("inverse", p.divide_f32(p.broadcast_f32(1.0), scale))
                total = p.let("total", p.zero_i32())
                values = []
                for v in range(8):
                    scaled = p.multiply_f32(p.load_f32(source + 4 * v), inverse)
                    values.append(p.let(f"q{v}", p.round_f32(scaled)))
                    p.set(total, p.add_i32(total, values[v]))
                layout(p, values, target)
                p.set(total, p.add_i32(total, p.swap_halves_i32(total)))
                p.set(total, p.add_i32(total, p.swap_pairs_i32(total)))
                level_sum = p.let("level_sum", p.multiply_f32(p.to_f32(total), level_f32))
                for place, value in (
                    (at.SCALE, scale),
                    (at.SUM, p.as_f32(total)),
                    (at.LEVEL, p.as_f32(level)),
                    (at.LEVEL_SUM, p.as_f32(p.truncate_f32(level_sum))),
                    (at.SCALE_SUM, p.multiply_f32(level_sum, unit)),
                ):
                    p.do(p.store_first_f32((target + place).cast("f32"), value))

    return quantize


def _after_norm(quantize):
    """The schedule that quantises a row when its norm is taken, while it is near."""

    def steps(p, K):
        near = p.array("normed", "f32", K)

        def row_of(p, K, r):
            source = p.pointer("given", p.argument("x", "f32") + r * K)
            normalise(p, K, source, near, "inverse_root")
            return near

        quantize(p, K, row_of)

    return steps


_SCHEDULES = {
    "sse2": (sse2, steps(_pairs), "ten bits, four values a vector; 16-bit pairs"),
    "word64": (sse2, steps(_words), "ten bits, four values a vector; packed words"),
    "word32": (sse2, steps(_words), "ten bits, four values a vector; packed words"),
    "ssse3": (ssse3, quantize_parts.quantize, "ten bits in parts, four values a vector"),
    "avx2": (
        avx2,
        quantize_bytes.quantize,
        "a byte each and two for four of 32, eight values a vector",
    ),
    "avx512": (
        avx512,
        quantize_bytes.quantize,
        "a byte each and two for four of 32, sixteen values a vector",
    ),
    "amx": (amx, matmul_amx.quantize, "bfloat16"),
}

quantize_f32 = Kernel(
    operation="quantize",
    type="f32",
    summary="Rounds each row to integers; see activations.py for scales and what is stored.",
    shape=("K",),
    arguments={"rows": "size", "x": "in f32", "q": "out bytes"},
    algorithm="""
        for r < rows, k < K
        q[r, k] = round(x[r, k] / scale[r, k // 32])
    """,
    schedules={name: Schedule(*each, free=("K",)) for name, each in _SCHEDULES.items()},
)

rms_norm_quantize_f32 = Kernel(
    operation="rms_norm_quantize",
    type="f32",
    summary="Divides each row by its root mean square, multiplies by gain and quantises.",
    shape=("K",),
    arguments={"rows": "size", "x": "in f32", "gain": "in f32", "epsilon": "f32", "q": "out bytes"},
    algorithm="""
        for r < rows, k < K
        y[r, k] = gain[k] * x[r, k] / sqrt(sum(j < K: x[r, j] * x[r, j]) / K + epsilon)
        q[r, k] = round(y[r, k] / scale[r, k // 32])
    """,
    schedules={
        name: Schedule(isa, _after_norm(quantize_rows), f"a row at a time; {what}")
        for name, (isa, quantize_rows, what) in _SCHEDULES.items()
    },
)
