"""Activations to eight bits, a scale for each block of 32 and one for the row; once, or twice: the
second time what the first rounded off, for products of nearly sixteen bits."""

from cllm_gen.spec.kernel import Kernel, Schedule
from specs.isa.sse2 import sse2
from specs.kernels import activations as at


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


def _pairs(p, q, record, v):
    """q and its neighbour two further on, as pairs of 16-bit lanes."""
    low = p.let(f"{q.name}_low", p.and_i32(q, p.broadcast_i32(0xFFFF)))
    p.do(
        p.store_low_i8(
            record + (at.PAIRS + 8 * v), p.or_i32(low, p.shift_left_u32(p.swap_halves_i32(q), 16))
        )
    )


def _words(p, q, record, v):
    """q times 65536 and its neighbour two further on, summed in 32 bits."""
    pair = p.add_i32(p.shift_left_u32(q, 16), p.swap_halves_i32(q))
    p.do(p.store_low_i8(record + (at.WORDS + 8 * v), pair))


def _store_block(p, layout, target, scaled, name, unit, level):
    """Rounds the block's values, which `scaled` gives by vector, and stores its record."""
    total = p.let(f"{name}_total", p.zero_i32())
    values = []
    for v in range(8):
        q = p.let(f"{name}{v}", p.round_f32(scaled(v)))
        p.set(total, p.add_i32(total, q))
        layout(p, q, target, v)
        values.append(q)
    for half in range(2):
        a, b, c, d = values[4 * half : 4 * half + 4]
        p.do(
            p.store_i8(
                target + (at.BYTES + 16 * half),
                p.narrow_i16(p.narrow_i32(a, b), p.narrow_i32(c, d)),
            )
        )
    p.set(total, p.add_i32(total, p.swap_halves_i32(total)))
    p.set(total, p.add_i32(total, p.swap_pairs_i32(total)))
    correction = p.subtract_i32(
        p.and_i32(total, p.broadcast_i32(0xFFFF)), p.shift_left_u32(total, 19)
    )
    scale = p.multiply_f32(p.to_f32(level), unit)
    p.do(p.store_first_f32((target + at.SCALE).cast("f32"), scale))
    p.do(p.store_first_f32((target + at.CORRECTION).cast("f32"), p.as_f32(correction)))
    p.do(p.store_first_f32((target + at.LEVEL).cast("f32"), p.as_f32(level)))
    p.do(p.store_first_f32((target + at.SUM).cast("f32"), p.as_f32(total)))
    return values


def steps(layout, twice):
    """The schedule that stores q in `layout` (a function of program, q, record, v)."""

    def quantize(p, K):
        stride = at.ROW_HEADER + K // 32 * at.BLOCK_BYTES
        for r, _ in p.tile_rows(1):
            row = p.pointer("row", p.argument("x", "f32") + r * K)
            record = p.pointer(
                "record", p.argument("q", "u8") + r * (2 * stride if twice else stride)
            )
            p.note("The row's unit: its largest magnitude is 127 * 1022 units.")
            peak = p.let("peak", p.broadcast_f32(1e-20))
            with p.loop("k", K, step=32) as k:
                block = _largest(p, row + k, "block")
                p.set(peak, p.maximum_f32(peak, block))
            _across(p, peak)
            unit = p.let("unit", p.multiply_f32(peak, p.broadcast_f32(1 / (127 * at.LEVELS))))
            p.do(p.store_first_f32(record.cast("f32"), unit))
            if twice:
                fine = p.let("fine", p.multiply_f32(unit, p.broadcast_f32(1 / at.FINER)))
                p.do(p.store_first_f32((record + stride).cast("f32"), fine))
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
                scale = p.let("scale", p.multiply_f32(p.to_f32(level), unit))
                inverse = p.let("inverse", p.divide_f32(p.broadcast_f32(1.0), scale))

                def scaled(v):
                    return p.multiply_f32(p.load_f32(source + 4 * v), inverse)

                values = _store_block(p, layout, target, scaled, "q", unit, level)
                if twice:

                    def left(v):
                        rest = p.subtract_f32(scaled(v), p.to_f32(values[v]))
                        return p.multiply_f32(rest, p.broadcast_f32(float(at.FINER)))

                    p.note("What rounding left, in units FINER times finer.")
                    rest = p.pointer("rest", target + stride)
                    _store_block(p, layout, rest, left, "left", fine, level)

    return quantize


def _schedules(twice):
    return {
        "sse2": Schedule(
            sse2, steps(_pairs, twice), "four values a vector; 16-bit pairs and bytes"
        ),
        "word64": Schedule(
            sse2, steps(_words, twice), "four values a vector; packed words and bytes"
        ),
        "word32": Schedule(
            sse2, steps(_words, twice), "four values a vector; packed words and bytes"
        ),
    }


quantize = Kernel(
    operation="quantize",
    type="q8",
    summary="Rounds each row to eight bits; see activations.py for what is stored.",
    shape=("K",),
    arguments={"rows": "size", "x": "in f32", "q": "out bytes"},
    algorithm="""
        for r < rows, b < K // 32, k < K
        peak[r] = max(maximum(k < K: abs(x[r, k])), 1e-20)
        level[r, b] = truncate(maximum(j < 32: abs(x[r, 32*b + j])) * 1022 / peak[r]) + 1
        scale[r, b] = level[r, b] * peak[r] / (127 * 1022)
        q[r, k] = round(x[r, k] / scale[r, k // 32])
    """,
    schedules=_schedules(False),
)

quantize_twice = Kernel(
    operation="quantize_twice",
    type="q8",
    summary="Rounds each row to eight bits, then what that left: two quantised rows for each row.",
    shape=("K",),
    arguments={"rows": "size", "x": "in f32", "q": "out bytes"},
    algorithm="""
        for r < rows, b < K // 32, k < K
        peak[r] = max(maximum(k < K: abs(x[r, k])), 1e-20)
        level[r, b] = truncate(maximum(j < 32: abs(x[r, 32*b + j])) * 1022 / peak[r]) + 1
        scale[r, b] = level[r, b] * peak[r] / (127 * 1022)
        q[r, k] = round(x[r, k] / scale[r, k // 32])
        left[r, k] = round((x[r, k] / scale[r, k // 32] - q[r, k]) * 254)
    """,
    schedules=_schedules(True),
)
