"""AVX-512 BF16: products of pairs of bfloat16, summed in floats, and what makes such pairs. Processors have it
since Cooper Lake, Sapphire Rapids and Zen 4; Ice Lake and Cascade Lake do without. Source: Intel SDM
volume 2, the entry of each mnemonic."""

from cllm_gen.spec.isa import CpuidBit, Instruction, InstructionSet, RegisterFile
from specs.isa.avx512 import avx512

avx512_bf16 = InstructionSet(
    name="avx512_bf16",
    summary="512-bit vectors, sums of two products of bfloat16",
    base=avx512,
    headers=("immintrin.h",),
    flags=("-mavx512bf16",),
    features=(CpuidBit("avx512_bf16", leaf=7, subleaf=1, register="eax", bit=5),),
    registers=(RegisterFile("__m512i", 512, ("bf16",), {64: 32}),),
    instructions=(
        Instruction("_mm512_loadu_si512({p})", "load_bf16(p: *bf16[32]) -> bf16[32] = p[i]"),
        Instruction(
            "_mm512_broadcastd_epi32(_mm_loadu_si32({p}))",
            "broadcast_pair_bf16(p: *bf16[2]) -> bf16[32] = p[i % 2]",
        ),
        Instruction(
            "_mm512_dpbf16_ps({c}, (__m512bh)({a}), (__m512bh)({b}))",
            "add_pairs_bf16(c: f32[16], a: bf16[32], b: bf16[32]) -> f32[16]"
            " = c[i] + a[2*i] * b[2*i] + a[2*i + 1] * b[2*i + 1]",
            tolerance=2.0**-20,
        ),
        # From floats to bfloat16, to the nearest, ties to even.
        Instruction(
            "(__m512i)_mm512_cvtne2ps_pbh({b}, {a})",
            "round_bf16(a: f32[16], b: f32[16]) -> bf16[32]"
            " = select(i < 16, a[i % 16], b[i % 16])",
        ),
        Instruction(
            "_mm512_storeu_si512({p}, {a})",
            "store_bf16(p: *bf16[32], a: bf16[32]) -> *bf16[32] = a[i]",
        ),
        Instruction(
            "_mm256_storeu_si256((__m256i *)({p}), (__m256i)_mm512_cvtneps_pbh({a}))",
            "store_rounded_bf16(p: *bf16[16], a: f32[16]) -> *bf16[16] = a[i]",
        ),
    ),
)
