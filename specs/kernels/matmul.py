"""Matrix kernels over tiles of 16 outputs by blocks of 32 inputs (cllm_gen/weights/layout.py)."""

from cllm_gen.spec.kernel import Kernel, Schedule
from cllm_gen.weights.layout import BLOCK_BYTES, tile_bytes
from specs.isa.avx2 import avx2
from specs.isa.sse2 import sse2
from specs.isa.ssse3 import ssse3
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


def pairs(type_name, add):
    """Quants widened to 16-bit lanes, two products a lane of 32 bits, sums of blocks in floats."""

    def matmul(p, N, K):
        lanes = p.lanes("add_f32")
        vectors = 16 // lanes
        quants = 256 if type_name == "q4_1" else 512
        with p.loop("tile", N // 16) as tile:
            weights = p.pointer("weights", p.argument("w", "u8") + tile * tile_bytes(type_name, K))
            for r, _ in p.tile_rows(1):
                x = p.pointer(
                    "x",
                    p.argument("q", "u8")
                    + (r * (at.ROW_HEADER + K // 32 * at.BLOCK_BYTES) + at.ROW_HEADER),
                )
                y = p.pointer("out", p.argument("y", "f32") + (r * N + tile * 16))
                sums = [p.let(f"sum{c}", p.zero_f32()) for c in range(vectors)]
                with p.loop("b", K // 32) as b:
                    block = p.pointer("block", weights + b * BLOCK[type_name])
                    record = p.pointer("record", x + b * at.BLOCK_BYTES)
                    pair = record.cast("i32")
                    dots = [p.let(f"dot{c}", p.zero_i32()) for c in range(vectors)]
                    with p.loop("v", quants // 64, unroll=True) as v:
                        even, odd = (
                            p.let(f"x_{i}", p.broadcast_i32(pair.at(2 * v + i))) for i in (0, 1)
                        )
                        if type_name == "q4_1":
                            even_high, odd_high = (
                                p.let(f"x_{i + 2}", p.broadcast_i32(pair.at(2 * v + 8 + i)))
                                for i in (0, 1)
                            )
                        for c in range(vectors):
                            q = p.let(f"q{c}", p.load_i8(block + (64 * v + 4 * lanes * c)))
                            if type_name == "q4_1":
                                mask = p.broadcast_i16
                                terms = [
                                    (p.and_i32(q, mask(15)), even),
                                    (p.and_i32(p.shift_right_u16(q, 4), mask(15)), even_high),
                                    (p.and_i32(p.shift_right_u16(q, 8), mask(15)), odd),
                                    (p.shift_right_u16(q, 12), odd_high),
                                ]
                            else:
                                terms = [
                                    (p.shift_right_i16(p.shift_left_u16(q, 8), 8), even),
                                    (p.shift_right_i16(q, 8), odd),
                                ]
                            for w, pair_x in terms:
                                p.set(dots[c], p.add_i32(dots[c], p.multiply_pairs_i16(w, pair_x)))
                    scale = p.let("scale", p.broadcast_f32((record + at.SCALE).at(0, "f32")))
                    if type_name == "q4_1":
                        correction = p.let(
                            "correction", p.broadcast_i32((record + at.CORRECTION).at(0, "i32"))
                        )
                    for c in range(vectors):
                        ends = p.load_i8(block + (quants + 4 * lanes * c))
                        if type_name == "q4_1":
                            both = p.add_i16(p.shift_left_u32(dots[c], 16), correction)
                            whole = p.to_f32(p.multiply_pairs_i16(both, ends))
                        else:
                            whole = p.multiply_f32(p.to_f32(dots[c]), p.to_f32(ends))
                        p.set(sums[c], p.add_f32(sums[c], p.multiply_f32(whole, scale)))
                _finish(p, sums, weights + K // 32 * BLOCK[type_name], y, add)

    return matmul


def _products_q4_1(p, block, x, sums, lanes, v):
    """Adds both halves of a vector of nibbles, times the bytes of each row, to 16-bit sums."""
    for c in range(16 // lanes):
        q = p.let(f"q{c}", p.load_i8(block + (64 * v + 4 * lanes * c)))
        low = p.let(f"low{c}", p.and_i32(q, p.broadcast_i8(15)))
        high = p.let(f"high{c}", p.and_i32(p.shift_right_u16(q, 4), p.broadcast_i8(15)))
        for row, record in enumerate(x):
            for half, w in ((0, low), (16, high)):
                four = p.broadcast_i32((record + (at.BYTES + half + 4 * v)).at(0, "i32"))
                p.set(sums[row][c], p.add_i16(sums[row][c], p.multiply_pairs_u8(w, four)))


def _products_q8_0(p, block, x, sums, lanes, v):
    """Adds a vector of bytes times the bytes of each row, signs moved to the second, to 32-bit sums."""
    for c in range(16 // lanes):
        q = p.let(f"q{c}", p.load_i8(block + (64 * v + 4 * lanes * c)))
        size = p.let(f"size{c}", p.magnitude_i8(q))
        for row, record in enumerate(x):
            four = p.with_sign_i8(p.broadcast_i32((record + (at.BYTES + 4 * v)).at(0, "i32")), q)
            pairs_sum = p.multiply_pairs_i16(p.multiply_pairs_u8(size, four), p.broadcast_i16(1))
            p.set(sums[row][c], p.add_i32(sums[row][c], pairs_sum))


def bytes_(rows_together):
    """Byte products; `rows_together` rows of a large batch share each vector of weights."""

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
                            (_products_q4_1 if type_name == "q4_1" else _products_q8_0)(
                                p, block, records, dots, lanes, v
                            )
                        ends = [
                            p.let(f"ends{c}", p.load_i8(block + (quants + 4 * lanes * c)))
                            for c in range(vectors)
                        ]
                        for i, record in enumerate(records):
                            scale = p.let(
                                f"scale{i}", p.broadcast_f32((record + at.SCALE).at(0, "f32"))
                            )
                            if type_name == "q4_1":
                                correction = p.let(
                                    f"correction{i}",
                                    p.broadcast_i32((record + at.CORRECTION).at(0, "i32")),
                                )
                            for c in range(vectors):
                                if type_name == "q4_1":
                                    dot = dots[i][c]
                                    both = p.add_i16(dot, p.shift_left_u32(dot, 16))
                                    both = p.add_i16(
                                        p.and_i32(both, p.broadcast_i32(-65536)), correction
                                    )
                                    whole = p.to_f32(p.multiply_pairs_i16(both, ends[c]))
                                else:
                                    whole = p.multiply_f32(p.to_f32(dots[i][c]), p.to_f32(ends[c]))
                                p.add_product(sums[i][c], whole, scale)
                    for i in range(count):
                        _finish(p, sums[i], scales, y + i * N, add)

        return matmul

    return steps


_SCHEDULES = {
    "sse2": (sse2, pairs, "4 outputs a vector, 16-bit lanes, one row at a time"),
    "word64": (
        word64,
        words(8, 4),
        "2 outputs a word, 4 products a multiplication, 8 outputs share x",
    ),
    "word32": (
        word32,
        words(4, 2),
        "1 output a word, 2 products a multiplication, 2 outputs share x",
    ),
    "ssse3": (ssse3, bytes_(1), "4 outputs a vector, byte products, one row at a time"),
    "avx2": (avx2, bytes_(4), "8 outputs a vector, byte products, 4 rows share the weights"),
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
