"""Matrix kernels of the quantised types with a fifth bit or scales of their own for 256 values."""

from specs.kernels.matmul_amx import TILES
from specs.kernels.matmul_pairs import PAIRS, PAIRS_OF_WORDS
from specs.kernels.matmul_results import kernels
from specs.kernels.matmul_vnni import VNNI

SCHEDULES = {**PAIRS, **PAIRS_OF_WORDS, **VNNI, **TILES}

matmul_q5_1, matmul_add_q5_1, swiglu_q5_1, geglu_q5_1 = kernels("q5_1", "Q5_1", SCHEDULES)
matmul_q4_k, matmul_add_q4_k, swiglu_q4_k, geglu_q4_k = kernels("q4_k", "Q4_K", SCHEDULES)
matmul_q5_k, matmul_add_q5_k, swiglu_q5_k, geglu_q5_k = kernels("q5_k", "Q5_K", SCHEDULES)
matmul_q6_k, matmul_add_q6_k, swiglu_q6_k, geglu_q6_k = kernels("q6_k", "Q6_K", SCHEDULES)
