"""AVX-512: registers of 512 bits, byte products summed four at a time (VNNI). Foundation, BW, DQ, VL
and VNNI count as one set: processors have had them together since Cascade Lake and Zen 4. Source: Intel
SDM volume 2, the entry of each mnemonic."""

from cllm_gen.spec.isa import CpuidBit, Instruction, InstructionSet, RegisterFile
from specs.isa.avx2 import avx2
from specs.isa.sse2 import INTEGERS

_AVX512_STATE = 0xE6  # XCR0: SSE, AVX, masks, upper halves, upper registers

avx512 = InstructionSet(
    name="avx512",
    summary="512-bit vectors, sums of four byte products",
    base=avx2,
    headers=("immintrin.h",),
    flags=(
        "-mavx512f",
        "-mavx512bw",
        "-mavx512dq",
        "-mavx512vl",
        "-mavx512vnni",
    ),
    features=(
        CpuidBit("avx512f", leaf=7, subleaf=0, register="ebx", bit=16, state=_AVX512_STATE),
        CpuidBit("avx512dq", leaf=7, subleaf=0, register="ebx", bit=17),
        CpuidBit("avx512bw", leaf=7, subleaf=0, register="ebx", bit=30),
        CpuidBit("avx512vl", leaf=7, subleaf=0, register="ebx", bit=31),
        CpuidBit("avx512_vnni", leaf=7, subleaf=0, register="ecx", bit=11),
    ),
    registers=(
        RegisterFile("__m512i", 512, INTEGERS, {64: 32}),
        RegisterFile("__m512", 512, ("f32",), {64: 32}),
    ),
    instructions=(
        # Memory, any alignment.
        Instruction("_mm512_loadu_si512({p})", "load_i8(p: *i8[64]) -> i8[64] = p[i]"),
        Instruction("_mm512_loadu_ps({p})", "load_f32(p: *f32[16]) -> f32[16] = p[i]"),
        Instruction(
            "_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)({p})))",
            "load_f16(p: *u16[16]) -> f32[16] = from_half(p[i])",
        ),
        Instruction(
            "_mm512_maskz_cvtph_ps(0x5555, _mm256_loadu_si256((const __m256i *)({p})))",
            "load_even_f16(p: *u16[16]) -> f32[16] = select(i % 2, 0, from_half(p[i]))",
        ),
        Instruction(
            "_mm512_storeu_ps({p}, {a})", "store_f32(p: *f32[16], a: f32[16]) -> *f32[16] = a[i]"
        ),
        Instruction(
            "_mm_store_ss({p}, _mm512_castps512_ps128({a}))",
            "store_first_f32(p: *f32[1], a: f32[16]) -> *f32[1] = a[i]",
        ),
        # One value in every lane.
        Instruction("_mm512_set1_epi8({x})", "broadcast_i8(x: i8) -> i8[64] = x"),
        Instruction("_mm512_set1_epi16({x})", "broadcast_i16(x: i16) -> i16[32] = x"),
        Instruction("_mm512_set1_epi32({x})", "broadcast_i32(x: i32) -> i32[16] = x"),
        Instruction("_mm512_set1_ps({x})", "broadcast_f32(x: f32) -> f32[16] = x"),
        Instruction(
            "_mm512_castsi512_ps(_mm512_broadcastq_epi64(_mm_loadl_epi64((const __m128i *)({p}))))",
            "broadcast_pair_f32(p: *f32[2]) -> f32[16] = p[i % 2]",
        ),
        Instruction(
            "_mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7),"
            " _mm512_castps256_ps512(_mm256_loadu_ps({p})))",
            "load_twice_f32(p: *f32[8]) -> f32[16] = p[i // 2]",
        ),
        Instruction(
            "_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)",
            "lanes_i32() -> i32[16] = i",
        ),
        Instruction("_mm512_setzero_si512()", "zero_i32() -> i32[16] = 0"),
        Instruction("_mm512_setzero_ps()", "zero_f32() -> f32[16] = 0"),
        # Integers; results wrap.
        Instruction(
            "_mm512_dpbusd_epi32({c}, {a}, {b})",
            "add_fours_u8(c: i32[16], a: u8[64], b: i8[64]) -> i32[16] = c[i] + a[4*i] * b[4*i]"
            " + a[4*i + 1] * b[4*i + 1] + a[4*i + 2] * b[4*i + 2] + a[4*i + 3] * b[4*i + 3]",
        ),
        Instruction(
            "_mm512_add_epi32({a}, {b})", "add_i32(a: i32[16], b: i32[16]) -> i32[16] = a[i] + b[i]"
        ),
        Instruction(
            "_mm512_add_epi16({a}, {b})",
            "add_i16(a: i16[32], b: i16[32]) -> i16[32] = a[i] + b[i]",
        ),
        Instruction(
            "_mm512_sub_epi16({a}, {b})",
            "subtract_i16(a: i16[32], b: i16[32]) -> i16[32] = a[i] - b[i]",
        ),
        Instruction(
            "_mm512_srai_epi16({a}, {n})",
            "shift_right_i16(a: i16[32], n: imm) -> i16[32] = a[i] >> n",
        ),
        Instruction(
            "_mm512_sub_epi32({a}, {b})",
            "subtract_i32(a: i32[16], b: i32[16]) -> i32[16] = a[i] - b[i]",
        ),
        Instruction(
            "_mm512_slli_epi32({a}, {n})",
            "shift_left_u32(a: u32[16], n: imm) -> u32[16] = a[i] << n",
        ),
        Instruction(
            "_mm512_srai_epi32({a}, {n})",
            "shift_right_i32(a: i32[16], n: imm) -> i32[16] = a[i] >> n",
        ),
        Instruction(
            "_mm512_slli_epi16({a}, {n})",
            "shift_left_u16(a: u16[32], n: imm) -> u16[32] = a[i] << n",
        ),
        Instruction(
            "_mm512_srlv_epi32({a}, {b})",
            "shift_right_each_u32(a: u32[16], b: u32[16]) -> u32[16]"
            " = select(b[i] < 32, a[i] >> (b[i] & 31), 0)",
        ),
        Instruction(
            "_mm512_srli_epi16({a}, {n})",
            "shift_right_u16(a: u16[32], n: imm) -> u16[32] = a[i] >> n",
        ),
        Instruction(
            "_mm512_and_si512({a}, {b})", "and_i32(a: i32[16], b: i32[16]) -> i32[16] = a[i] & b[i]"
        ),
        Instruction(
            "_mm512_or_si512({a}, {b})", "or_i32(a: i32[16], b: i32[16]) -> i32[16] = a[i] | b[i]"
        ),
        Instruction(
            "_mm512_xor_si512({a}, {b})", "xor_i32(a: i32[16], b: i32[16]) -> i32[16] = a[i] ^ b[i]"
        ),
        # Lanes moved; narrowing takes four or eight of each operand in turn.
        Instruction(
            "_mm512_packs_epi32({a}, {b})",
            "narrow_i32(a: i32[16], b: i32[16]) -> i16[32]"
            " = saturate_i16(select(i % 8 < 4, a[i // 8 * 4 + i % 4], b[i // 8 * 4 + i % 4]))",
        ),
        Instruction(
            "_mm512_packs_epi16({a}, {b})",
            "narrow_i16(a: i16[32], b: i16[32]) -> i8[64]"
            " = saturate_i8(select(i % 16 < 8, a[i // 16 * 8 + i % 8], b[i // 16 * 8 + i % 8]))",
        ),
        Instruction(
            "_mm512_permutexvar_epi32({order}, {a})",
            "permute_i32(a: i32[16], order: i32[16]) -> i32[16] = a[order[i] & 15]",
        ),
        Instruction(
            "_mm512_shuffle_i32x4({a}, {a}, 0x4e)",
            "swap_pairs_of_registers_i32(a: i32[16]) -> i32[16] = a[i ^ 8]",
        ),
        Instruction(
            "_mm512_shuffle_i32x4({a}, {a}, 0xb1)",
            "swap_registers_i32(a: i32[16]) -> i32[16] = a[i ^ 4]",
        ),
        Instruction(
            "_mm512_shuffle_epi32({a}, 0x4e)",
            "swap_halves_i32(a: i32[16]) -> i32[16] = a[i ^ 2]",
        ),
        Instruction(
            "_mm512_shuffle_epi32({a}, 0xb1)",
            "swap_pairs_i32(a: i32[16]) -> i32[16] = a[i ^ 1]",
        ),
        # Floats.
        Instruction(
            "_mm512_add_ps({a}, {b})", "add_f32(a: f32[16], b: f32[16]) -> f32[16] = a[i] + b[i]"
        ),
        Instruction(
            "_mm512_sub_ps({a}, {b})",
            "subtract_f32(a: f32[16], b: f32[16]) -> f32[16] = a[i] - b[i]",
        ),
        Instruction(
            "_mm512_mul_ps({a}, {b})",
            "multiply_f32(a: f32[16], b: f32[16]) -> f32[16] = a[i] * b[i]",
        ),
        Instruction(
            "_mm512_div_ps({a}, {b})", "divide_f32(a: f32[16], b: f32[16]) -> f32[16] = a[i] / b[i]"
        ),
        Instruction(
            "_mm512_rcp14_ps({a})",
            "reciprocal_f32(a: f32[16]) -> f32[16] = 1 / a[i]",
            tolerance=2.0**-14,
        ),
        Instruction("_mm512_sqrt_ps({a})", "sqrt_f32(a: f32[16]) -> f32[16] = sqrt(a[i])"),
        Instruction(
            "_mm512_fmadd_ps({a}, {b}, {c})",
            "multiply_add_f32(a: f32[16], b: f32[16], c: f32[16]) -> f32[16]"
            " = fused(a[i], b[i], c[i])",
        ),
        Instruction(
            "_mm512_fmaddsub_ps({a}, {b}, {c})",
            "multiply_subtract_add_f32(a: f32[16], b: f32[16], c: f32[16]) -> f32[16]"
            " = fused(a[i], b[i], select(i % 2, c[i], c[i] * -1))",
        ),
        Instruction(
            "_mm512_max_ps({a}, {b})",
            "maximum_f32(a: f32[16], b: f32[16]) -> f32[16] = select(a[i] > b[i], a[i], b[i])",
        ),
        Instruction(
            "_mm512_reduce_ps({a}, 0x09)",
            "fraction_f32(a: f32[16]) -> f32[16] = fraction(a[i])",
        ),
        Instruction(
            "_mm512_scalef_ps({a}, {b})",
            "scale_f32(a: f32[16], b: f32[16]) -> f32[16] = times_power(a[i], b[i])",
        ),
        Instruction(
            "_mm512_mask_mov_ps({b}, _mm512_cmplt_epi32_mask({x}, {y}), {a})",
            "where_less_f32(x: i32[16], y: i32[16], a: f32[16], b: f32[16]) -> f32[16]"
            " = select(x[i] < y[i], a[i], b[i])",
        ),
        Instruction(
            "__builtin_popcount(_mm512_cmp_ps_mask({a}, {b}, _CMP_GT_OQ))",
            "count_above_f32(a: f32[16], b: f32[16]) -> i32 = sum(k < 16: select(a[k] > b[k], 1, 0))",
        ),
        Instruction(
            "(int32_t)_mm512_cmp_ps_mask({a}, {b}, _CMP_EQ_OQ)",
            "mask_equal_f32(a: f32[16], b: f32[16]) -> i32"
            " = sum(k < 16: select(a[k] == b[k], 1 << k, 0))",
        ),
        Instruction(
            "_mm512_maskz_mov_epi32((__mmask16)({x}), {a})",
            "keep_lanes_i32(x: i32, a: i32[16]) -> i32[16] = select(x >> i & 1, a[i], 0)",
        ),
        Instruction(
            "_mm512_min_ps({a}, {b})",
            "minimum_f32(a: f32[16], b: f32[16]) -> f32[16] = select(a[i] < b[i], a[i], b[i])",
        ),
        Instruction(
            "_mm512_abs_ps({a})",
            "magnitude_f32(a: f32[16]) -> f32[16] = from_bits(bits(a[i]) & 0x7fffffff)",
        ),
        Instruction(
            "_mm512_shuffle_f32x4({a}, {a}, 0x4e)",
            "swap_pairs_of_registers_f32(a: f32[16]) -> f32[16] = a[i ^ 8]",
        ),
        Instruction(
            "_mm512_shuffle_f32x4({a}, {a}, 0xb1)",
            "swap_registers_f32(a: f32[16]) -> f32[16] = a[i ^ 4]",
        ),
        Instruction(
            "_mm512_permute_ps({a}, 0x4e)", "swap_halves_f32(a: f32[16]) -> f32[16] = a[i ^ 2]"
        ),
        Instruction(
            "_mm512_permute_ps({a}, 0xb1)", "swap_pairs_f32(a: f32[16]) -> f32[16] = a[i ^ 1]"
        ),
        Instruction(
            "_mm512_permutex2var_ps({a}, _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22,"
            " 24, 26, 28, 30), {b})",
            "evens_f32(a: f32[16], b: f32[16]) -> f32[16]"
            " = select(i < 8, a[2 * i % 16], b[2 * i % 16])",
        ),
        Instruction(
            "_mm512_permutex2var_ps({a}, _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23,"
            " 25, 27, 29, 31), {b})",
            "odds_f32(a: f32[16], b: f32[16]) -> f32[16]"
            " = select(i < 8, a[(2 * i + 1) % 16], b[(2 * i + 1) % 16])",
        ),
        # From floats to halves, ties to even.
        Instruction("_mm512_cvtps_ph({a}, 0)", "round_f16(a: f32[16]) -> u16[16] = half(a[i])"),
        Instruction(
            "_mm256_storeu_si256((__m256i *)({p}), {a})",
            "store_f16(p: *u16[16], a: u16[16]) -> *u16[16] = a[i]",
        ),
        Instruction("_mm512_cvtepu16_epi32({a})", "widen_u16(a: u16[16]) -> u32[16] = a[i]"),
        # Between integers and floats: to the nearest integer, ties to even; or towards zero.
        Instruction("_mm512_cvtps_epi32({a})", "round_f32(a: f32[16]) -> i32[16] = round(a[i])"),
        Instruction("_mm512_cvtepi32_ps({a})", "to_f32(a: i32[16]) -> f32[16] = a[i]"),
        Instruction(
            "_mm512_cvttps_epi32({a})", "truncate_f32(a: f32[16]) -> i32[16] = truncate(a[i])"
        ),
        Instruction("_mm512_castsi512_ps({a})", "as_f32(a: i32[16]) -> f32[16] = from_bits(a[i])"),
    ),
)
