"""Matrix kernels of the types that have schedules of their own on every set."""

from specs.isa.word32 import word32
from specs.isa.word64 import word64
from specs.kernels.matmul_amx import TILES
from specs.kernels.matmul_pairs import PAIRS
from specs.kernels.matmul_results import kernels
from specs.kernels.matmul_vnni import VNNI
from specs.kernels.matmul_words import words

SCHEDULES = {
    **PAIRS,
    **VNNI,
    **TILES,
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

matmul_q4_1, matmul_add_q4_1, swiglu_q4_1, geglu_q4_1 = kernels("q4_1", "Q4_1", SCHEDULES)
matmul_q8_0, matmul_add_q8_0, swiglu_q8_0, geglu_q8_0 = kernels("q8_0", "Q8_0", SCHEDULES)
