"""AVX-VNNI: sums of four byte products in 256 bits, on processors of which many have no AVX-512 (Alder
Lake and its successors, Sierra Forest, Zen 5). Source: Intel SDM volume 2, VPDPBUSD, VEX encoded.
"""

from cllm_gen.spec.isa import CpuidBit, Instruction, InstructionSet
from specs.isa.avx2 import avx2

avx_vnni = InstructionSet(
    name="avx_vnni",
    summary="256-bit vectors, sums of four byte products",
    base=avx2,
    headers=("immintrin.h",),
    flags=("-mavxvnni",),
    features=(CpuidBit("avx_vnni", leaf=7, subleaf=1, register="eax", bit=4),),
    registers=(),
    instructions=(
        Instruction(
            "_mm256_dpbusd_avx_epi32({c}, {a}, {b})",
            "add_fours_u8(c: i32[8], a: u8[32], b: i8[32]) -> i32[8] = c[i] + a[4*i] * b[4*i]"
            " + a[4*i + 1] * b[4*i + 1] + a[4*i + 2] * b[4*i + 2] + a[4*i + 3] * b[4*i + 3]",
        ),
    ),
)
