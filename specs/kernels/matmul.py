"""Matrix kernels over tiles of 16 outputs by blocks of 32 inputs (cllm_gen/weights/layout.py)."""

from cllm_gen.spec.kernel import Kernel, Schedule
from cllm_gen.weights.layout import BLOCK_BYTES, tile_bytes
from specs.isa.avx2 import avx2
from specs.isa.sse2 import sse2
from specs.isa.word32 import word32
from specs.isa.word64 import word64
from specs.kernels import activations as at
from specs.kernels.matmul_words import words

BLOCK = {"q4_1": BLOCK_BYTES["q4_1"], "q8_0": BLOCK_BYTES["q8_0"]}


def _finish(p, sums, scales, y, add):
    """Scales the sums of a tile and stores them, or adds them to what is there."""
    lanes = p.lanes("add_f32")
    for c, total in enumerate(sums):
        value = p.multiply_f32(total, p.load_f32((scales + 4 * lanes * c).cast("f32")))
        if add:
            value = p.add_f32(p.load_f32(y + lanes * c), value)
        p.do(p.store_f32(y + lanes * c, value))


def _products(p, type_name, block, records, dots, lanes, v):
    """Adds a vector of quants, widened to 16 bits, times the pairs of each row to 32-bit sums."""
    for c in range(16 // lanes):
        q = p.let(f"q{c}", p.load_i8(block + (64 * v + 4 * lanes * c)))
        if type_name == "q4_1":
            terms = [
                (0, p.and_i32(q, p.broadcast_i16(15))),
                (8, p.and_i32(p.shift_right_u16(q, 4), p.broadcast_i16(15))),
                (1, p.and_i32(p.shift_right_u16(q, 8), p.broadcast_i16(15))),
                (9, p.shift_right_u16(q, 12)),
            ]
        else:
            terms = [
                (0, p.shift_right_i16(p.shift_left_u16(q, 8), 8)),
                (1, p.shift_right_i16(q, 8)),
            ]
        for index, wide in terms:
            w = p.let(f"w{c}_{index}", wide)
            for i, record in enumerate(records):
                x = p.broadcast_i32((record + at.PAIRS).cast("i32").at(2 * v + index))
                p.set(dots[i][c], p.add_i32(dots[i][c], p.multiply_pairs_i16(w, x)))


def pairs(rows_together):
    """Two products a lane of 32 bits, sums of blocks in floats; `rows_together` rows of a large
    batch share each vector of weights."""

    def steps(type_name, add):
        def matmul(p, N, K):
            lanes = p.lanes("add_f32")
            vectors = 16 // lanes
            quants = 256 if type_name == "q4_1" else 512
            stride = at.ROW_HEADER + K // 32 * at.BLOCK_BYTES
            with p.loop("tile", N // 16) as tile:
                weights = p.pointer(
                    "weights", p.argument("w", "u8") + tile * tile_bytes(type_name, K)
                )
                scales = p.pointer("scales", weights + K // 32 * BLOCK[type_name])
                for r, count in p.tile_rows(rows_together):
                    x = p.pointer("x", p.argument("q", "u8") + (r * stride + at.ROW_HEADER))
                    y = p.pointer("out", p.argument("y", "f32") + (r * N + tile * 16))
                    sums = [
                        [p.let(f"sum{i}_{c}", p.zero_f32()) for c in range(vectors)]
                        for i in range(count)
                    ]
                    with p.loop("b", K // 32) as b:
                        block = p.pointer("block", weights + b * BLOCK[type_name])
                        records = [
                            p.pointer(f"x{i}", x + (b * at.BLOCK_BYTES + i * stride))
                            for i in range(count)
                        ]
                        dots = [
                            [p.let(f"dot{i}_{c}", p.zero_i32()) for c in range(vectors)]
                            for i in range(count)
                        ]
                        with p.loop("v", quants // 64, unroll=True) as v:
                            _products(p, type_name, block, records, dots, lanes, v)
                        for c in range(vectors):
                            ends = p.let(f"ends{c}", p.load_i8(block + (quants + 4 * lanes * c)))
                            _scale(p, type_name, records, ends, [row[c] for row in dots], c, sums)
                    for i in range(count):
                        _finish(p, sums[i], scales, y + i * N, add)

        return matmul

    return steps


def _scale(p, type_name, records, ends, dots, c, sums):
    """Adds a block's dots times its scales, and minima times the sums of x, to float sums."""
    if type_name == "q4_1":
        d = p.let(f"d{c}", p.to_f32(p.shift_right_i32(ends, 16)))
        m = p.let(f"m{c}", p.to_f32(p.shift_right_i32(p.shift_left_u32(ends, 16), 16)))
    else:
        d = p.let(f"d{c}", p.to_f32(ends))
    for i, (record, dot) in enumerate(zip(records, dots)):
        scale, scale_sum = (
            p.broadcast_f32((record + place).at(0, "f32")) for place in (at.SCALE, at.SCALE_SUM)
        )
        if type_name == "q4_1":
            centre = p.shift_left_u32(p.broadcast_i32((record + at.SUM).at(0, "i32")), 3)
            p.set(dot, p.subtract_i32(dot, centre))
            p.add_product(sums[i][c], m, scale_sum)
        p.add_product(sums[i][c], p.multiply_f32(p.to_f32(dot), d), scale)


_SCHEDULES = {
    "sse2": (sse2, pairs(1), "4 outputs a vector, 16-bit products, one row at a time"),
    "word64": (
        word64,
        words(8, 4),
        "2 outputs a word, 4 products a multiplication, 8 outputs share x",
    ),
    "word32": (
        word32,
        words(4, 4),
        "1 output a word, 2 products a multiplication, 4 outputs share x",
    ),
    "avx2": (avx2, pairs(2), "8 outputs a vector, 16-bit products, 2 rows share the weights"),
}


def _schedules(type_name, add):
    return {
        name: Schedule(isa, steps(type_name, add), text)
        for name, (isa, steps, text) in _SCHEDULES.items()
    }


_MATRIX = {
    "shape": ("N", "K"),
    "arguments": {"rows": "size", "q": "in bytes", "w": "in bytes", "y": "out f32"},
}
_PRODUCTS = """
    for r < rows, n < N
    y[r, n] = sum(k < K: x[r, k] * w[n, k])
"""
_SUMS = """
    for r < rows, n < N
    y[r, n] = y[r, n] + sum(k < K: x[r, k] * w[n, k])
"""

matmul_q4_1 = Kernel(
    operation="matmul",
    type="q4_1",
    summary="Products of quantised rows with a Q4_1 matrix.",
    algorithm=_PRODUCTS,
    schedules=_schedules("q4_1", add=False),
    **_MATRIX,
)

matmul_q8_0 = Kernel(
    operation="matmul",
    type="q8_0",
    summary="Products of quantised rows with a Q8_0 matrix.",
    algorithm=_PRODUCTS,
    schedules=_schedules("q8_0", add=False),
    **_MATRIX,
)

matmul_add_q4_1 = Kernel(
    operation="matmul_add",
    type="q4_1",
    summary="Adds products with a Q4_1 matrix to y: a residual.",
    algorithm=_SUMS,
    schedules=_schedules("q4_1", add=True),
    **_MATRIX,
)

matmul_add_q8_0 = Kernel(
    operation="matmul_add",
    type="q8_0",
    summary="Adds products with a Q8_0 matrix to y: a residual.",
    algorithm=_SUMS,
    schedules=_schedules("q8_0", add=True),
    **_MATRIX,
)
