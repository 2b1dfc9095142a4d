"""Products of rows with a packed matrix, for every type of weights."""

from cllm_gen.spec.kernel import Kernel, Schedule
from specs.isa.word32 import word32
from specs.isa.word64 import word64
from specs.schedules.matmul_amx import TILES
from specs.schedules.matmul_bytes import BYTES
from specs.schedules.matmul_float import FLOATS
from specs.schedules.matmul_pairs import PAIRS_OF_WORDS
from specs.schedules.matmul_panels import PANELS
from specs.schedules.matmul_parts import JOINED, PARTS
from specs.schedules.matmul_results import GATES, matrices
from specs.schedules.matmul_words import words

_QUANTIZING = ("amx",)  # sets whose gated products come out quantised
_USES = {
    "matmul": (
        "Products of rows with a {} matrix.",
        """
        for r < rows, n < N
        y[r, n] = sum(k < K: x[r, k] * w[n, k])
        """,
    ),
    "matmul_add": (
        "Adds products with a {} matrix to y: a residual.",
        """
        for r < rows, n < N
        y[r, n] = y[r, n] + sum(k < K: x[r, k] * w[n, k])
        """,
    ),
    "swiglu": (
        "Products with two {} matrices, joined by a SiLU gate (arXiv:2002.05202).",
        """
        for r < rows, n < N
        g[r, n] = sum(k < K: x[r, k] * gate[n, k])
        y[r, n] = g[r, n] / (1 + exp(-g[r, n])) * sum(k < K: x[r, k] * up[n, k])
        """,
    ),
    "geglu": (
        "Products with two {} matrices, joined by a GELU gate (arXiv:2002.05202).",
        """
        for r < rows, n < N
        g[r, n] = sum(k < K: x[r, k] * gate[n, k])
        h[r, n] = 1.5957691216057308 * (g[r, n] + 0.044715 * g[r, n] * g[r, n] * g[r, n])
        y[r, n] = g[r, n] / (1 + exp(-h[r, n])) * sum(k < K: x[r, k] * up[n, k])
        """,
    ),
}


def kernels(type_name, title, schedules):
    """The four uses of a matrix of one type; all write the outputs of tiles first to last - 1.
    `schedules` maps a set's name to (set, steps, summary); steps(operation, type_name) is what
    traces the operation."""
    return tuple(
        Kernel(
            operation=operation,
            type=type_name,
            summary=summary.format(title),
            shape=("N", "K"),
            arguments={
                "rows": "size",
                "first": "size",
                "last": "size",
                "q": "in bytes",
                **dict.fromkeys(matrices(operation), "in bytes"),
                "y": "out f32",
            },
            algorithm=algorithm,
            schedules={
                name: Schedule(
                    isa,
                    steps(operation, type_name),
                    text,
                    free=("N",) if isa.tiles else ("N", "K"),  # tiles cut K into parts
                    quantizes=operation in GATES and name in _QUANTIZING,
                )
                for name, (isa, steps, text) in schedules.items()
            },
        )
        for operation, (summary, algorithm) in _USES.items()
    )


# Types with schedules of their own on every set.
_WORDS = {
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
}
_INTEGERS = {**PANELS, **BYTES, **TILES, **_WORDS}
_NIBBLES, _BYTES = {**_INTEGERS, **PARTS}, {**_INTEGERS, **JOINED}

matmul_q4_1, matmul_add_q4_1, swiglu_q4_1, geglu_q4_1 = kernels("q4_1", "Q4_1", _NIBBLES)
matmul_q8_0, matmul_add_q8_0, swiglu_q8_0, geglu_q8_0 = kernels("q8_0", "Q8_0", _BYTES)

# Types with a fifth bit, or with scales of their own for 256 values.
_OTHERS = {**PANELS, **PAIRS_OF_WORDS, **BYTES, **TILES}
_FOURS, _FIFTHS = {**_OTHERS, **PARTS}, {**_OTHERS, **JOINED}

matmul_q5_1, matmul_add_q5_1, swiglu_q5_1, geglu_q5_1 = kernels("q5_1", "Q5_1", _FIFTHS)
matmul_q4_k, matmul_add_q4_k, swiglu_q4_k, geglu_q4_k = kernels("q4_k", "Q4_K", _FOURS)
matmul_q5_k, matmul_add_q5_k, swiglu_q5_k, geglu_q5_k = kernels("q5_k", "Q5_K", _FIFTHS)
matmul_q6_k, matmul_add_q6_k, swiglu_q6_k, geglu_q6_k = kernels("q6_k", "Q6_K", _FIFTHS)

# Types that are floats in the file.
matmul_f16, matmul_add_f16, swiglu_f16, geglu_f16 = kernels("f16", "F16", FLOATS)
matmul_bf16, matmul_add_bf16, swiglu_bf16, geglu_bf16 = kernels("bf16", "BF16", FLOATS)
matmul_f32, matmul_add_f32, swiglu_f32, geglu_f32 = kernels("f32", "F32", FLOATS)
