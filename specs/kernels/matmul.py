"""Matrix kernels over tiles of 16 outputs by blocks of 32 inputs (cllm_gen/weights/layout.py)."""

from cllm_gen.spec.kernel import Kernel, Schedule
from cllm_gen.weights.layout import BLOCK_BYTES, tile_bytes
from specs.isa.avx2 import avx2
from specs.isa.sse2 import sse2
from specs.isa.word32 import word32
from specs.isa.word64 import word64
from specs.kernels import activations as at
from specs.kernels.gates import gated, gelu, silu
from specs.kernels.matmul_words import words

BLOCK = {"q4_1": BLOCK_BYTES["q4_1"], "q8_0": BLOCK_BYTES["q8_0"]}


def _finish(p, finish, sums, units, y, i):
    """Scales the sums of a tile for one row and gives them to y."""
    lanes = p.lanes("add_f32")
    for c in range(16 // lanes):
        name = f"y{i}_{c}"
        values = [
            p.multiply_f32(each[c], p.load_f32((unit + 4 * lanes * c).cast("f32")))
            for each, unit in zip(sums, units)
        ]
        p.do(p.store_f32(y + lanes * c, finish.join(p, name, y + lanes * c, *values)))


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


def _sums(p, type_name, K, weights, x, count, name):
    """The sums of one tile for `count` rows, a list of vectors for each row."""
    lanes = p.lanes("add_f32")
    vectors = 16 // lanes
    quants = 256 if type_name == "q4_1" else 512
    stride = at.ROW_HEADER + K // 32 * at.BLOCK_BYTES
    sums = [[p.let(f"{name}{i}_{c}", p.zero_f32()) for c in range(vectors)] for i in range(count)]
    with p.loop("b", K // 32) as b:
        block = p.pointer("block", weights + b * BLOCK[type_name])
        records = [p.pointer(f"x{i}", x + (b * at.BLOCK_BYTES + i * stride)) for i in range(count)]
        dots = [[p.let(f"dot{i}_{c}", p.zero_i32()) for c in range(vectors)] for i in range(count)]
        with p.loop("v", quants // 64, unroll=True) as v:
            _products(p, type_name, block, records, dots, lanes, v)
        for c in range(vectors):
            ends = p.let(f"ends{c}", p.load_i8(block + (quants + 4 * lanes * c)))
            _scale(p, type_name, records, ends, [row[c] for row in dots], c, sums)
    return sums


def pairs(rows_together):
    """Two products a lane of 32 bits, sums of blocks in floats; `rows_together` rows of a large
    batch share each vector of weights."""

    def steps(type_name, finish):
        def matmul(p, N, K):
            stride = at.ROW_HEADER + K // 32 * at.BLOCK_BYTES
            with p.loop("tile", p.scalar("last"), start=p.scalar("first")) as tile:
                matrices = {
                    name: p.pointer(
                        f"{name}_tile", p.argument(name, "u8") + tile * tile_bytes(type_name, K)
                    )
                    for name in finish.matrices
                }
                for r, count in p.tile_rows(rows_together):
                    x = p.pointer("x", p.argument("q", "u8") + (r * stride + at.ROW_HEADER))
                    y = p.pointer("out", p.argument("y", "f32") + (r * N + tile * 16))
                    sums = [
                        _sums(p, type_name, K, weights, x, count, f"{name}_sum")
                        for name, weights in matrices.items()
                    ]
                    units = [
                        p.pointer(f"{name}_unit", weights + K // 32 * BLOCK[type_name])
                        for name, weights in matrices.items()
                    ]
                    for i in range(count):
                        _finish(p, finish, [each[i] for each in sums], units, y + i * N, i)

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


class Store:
    """What becomes of a tile's sums: they are stored."""

    matrices = ("w",)
    adds = False

    def join(self, p, name, y, value):
        return value


class Add(Store):
    """They are added to what is there."""

    adds = True

    def join(self, p, name, y, value):
        return p.add_f32(p.load_f32(y), value)


class Gate(Store):
    """Two matrices: the second's sums, weighed by a gate that the first's open."""

    matrices = ("gate", "up")

    def __init__(self, activation):
        self.activation = activation

    def join(self, p, name, y, gate, up):
        return gated(p, name, self.activation, gate, up)


STORE, ADD, SWIGLU, GEGLU = Store(), Add(), Gate(silu), Gate(gelu)


def _schedules(type_name, finish):
    return {
        name: Schedule(isa, steps(type_name, finish), text)
        for name, (isa, steps, text) in _SCHEDULES.items()
    }


_MATRIX = {
    "shape": ("N", "K"),
    "arguments": {
        "rows": "size",
        "first": "size",
        "last": "size",
        "q": "in bytes",
        "w": "in bytes",
        "y": "out f32",
    },
}
_GATED = {
    "shape": ("N", "K"),
    "arguments": {
        "rows": "size",
        "first": "size",
        "last": "size",
        "q": "in bytes",
        "gate": "in bytes",
        "up": "in bytes",
        "y": "out f32",
    },
}
_PRODUCTS = """
    for r < rows, n < N
    y[r, n] = sum(k < K: x[r, k] * w[n, k])
"""
_SUMS = """
    for r < rows, n < N
    y[r, n] = y[r, n] + sum(k < K: x[r, k] * w[n, k])
"""
_SWIGLU = """
    for r < rows, n < N
    g[r, n] = sum(k < K: x[r, k] * gate[n, k])
    y[r, n] = g[r, n] / (1 + exp(-g[r, n])) * sum(k < K: x[r, k] * up[n, k])
"""
_GEGLU = """
    for r < rows, n < N
    g[r, n] = sum(k < K: x[r, k] * gate[n, k])
    h[r, n] = 1.5957691216057308 * (g[r, n] + 0.044715 * g[r, n] * g[r, n] * g[r, n])
    y[r, n] = g[r, n] / (1 + exp(-h[r, n])) * sum(k < K: x[r, k] * up[n, k])
"""


def _kernels(type_name, title):
    """The four uses of a matrix of one type; all write the outputs of tiles first to last - 1."""
    return (
        Kernel(
            operation="matmul",
            type=type_name,
            summary=f"Products of quantised rows with a {title} matrix.",
            algorithm=_PRODUCTS,
            schedules=_schedules(type_name, STORE),
            **_MATRIX,
        ),
        Kernel(
            operation="matmul_add",
            type=type_name,
            summary=f"Adds products with a {title} matrix to y: a residual.",
            algorithm=_SUMS,
            schedules=_schedules(type_name, ADD),
            **_MATRIX,
        ),
        Kernel(
            operation="swiglu",
            type=type_name,
            summary=f"Products with two {title} matrices, joined by a SiLU gate (arXiv:2002.05202).",
            algorithm=_SWIGLU,
            schedules=_schedules(type_name, SWIGLU),
            **_GATED,
        ),
        Kernel(
            operation="geglu",
            type=type_name,
            summary=f"Products with two {title} matrices, joined by a GELU gate (arXiv:2002.05202).",
            algorithm=_GEGLU,
            schedules=_schedules(type_name, GEGLU),
            **_GATED,
        ),
    )


matmul_q4_1, matmul_add_q4_1, swiglu_q4_1, geglu_q4_1 = _kernels("q4_1", "Q4_1")
matmul_q8_0, matmul_add_q8_0, swiglu_q8_0, geglu_q8_0 = _kernels("q8_0", "Q8_0")
