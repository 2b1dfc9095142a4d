"""AVX2: registers of 256 bits for integers and floats, with fused multiply-add and conversion of
halves, which every CPU with AVX2 that is served here also has. Shuffles act within each half of 128
bits."""

from cllm_gen.spec.isa import CpuidBit, Instruction, InstructionSet, RegisterFile
from specs.isa.sse2 import INTEGERS, sse2

_SSE_AVX_STATE = 6  # XCR0: SSE and AVX registers are saved and restored

avx2 = InstructionSet(
    name="avx2",
    summary="256-bit vectors with fused multiply-add",
    base=sse2,
    headers=("immintrin.h",),
    flags=("-mavx2", "-mfma", "-mf16c"),
    features=(
        CpuidBit("avx", leaf=1, subleaf=0, register="ecx", bit=28, state=_SSE_AVX_STATE),
        CpuidBit("fma", leaf=1, subleaf=0, register="ecx", bit=12),
        CpuidBit("f16c", leaf=1, subleaf=0, register="ecx", bit=29),
        CpuidBit("avx2", leaf=7, subleaf=0, register="ebx", bit=5),
    ),
    registers=(
        RegisterFile("__m256i", 256, INTEGERS, {64: 16}),
        RegisterFile("__m256", 256, ("f32",), {64: 16}),
    ),
    instructions=(
        # Memory, any alignment.
        Instruction(
            "_mm256_loadu_si256((const __m256i *)({p}))", "load_i8(p: *i8[32]) -> i8[32] = p[i]"
        ),
        Instruction("_mm256_loadu_ps({p})", "load_f32(p: *f32[8]) -> f32[8] = p[i]"),
        Instruction(
            "_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)({p})))",
            "load_f16(p: *u16[8]) -> f32[8] = from_half(p[i])",
        ),
        Instruction(
            "_mm256_storeu_ps({p}, {a})", "store_f32(p: *f32[8], a: f32[8]) -> *f32[8] = a[i]"
        ),
        Instruction(
            "_mm_store_ss({p}, _mm256_castps256_ps128({a}))",
            "store_first_f32(p: *f32[1], a: f32[8]) -> *f32[1] = a[i]",
        ),
        # One value in every lane.
        Instruction("_mm256_set1_epi8({x})", "broadcast_i8(x: i8) -> i8[32] = x"),
        Instruction("_mm256_set1_epi16({x})", "broadcast_i16(x: i16) -> i16[16] = x"),
        Instruction("_mm256_set1_epi32({x})", "broadcast_i32(x: i32) -> i32[8] = x"),
        Instruction("_mm256_set1_ps({x})", "broadcast_f32(x: f32) -> f32[8] = x"),
        Instruction("_mm256_setzero_si256()", "zero_i32() -> i32[8] = 0"),
        Instruction("_mm256_setzero_ps()", "zero_f32() -> f32[8] = 0"),
        # Integers; results wrap unless their name says otherwise.
        Instruction(
            "_mm256_madd_epi16({a}, {b})",
            "multiply_pairs_i16(a: i16[16], b: i16[16]) -> i32[8]"
            " = a[2*i] * b[2*i] + a[2*i + 1] * b[2*i + 1]",
        ),
        Instruction(
            "_mm256_maddubs_epi16({a}, {b})",
            "multiply_pairs_u8(a: u8[32], b: i8[32]) -> i16[16]"
            " = saturate_i16(a[2*i] * b[2*i] + a[2*i + 1] * b[2*i + 1])",
        ),
        Instruction(
            "_mm256_add_epi16({a}, {b})", "add_i16(a: i16[16], b: i16[16]) -> i16[16] = a[i] + b[i]"
        ),
        Instruction(
            "_mm256_add_epi32({a}, {b})", "add_i32(a: i32[8], b: i32[8]) -> i32[8] = a[i] + b[i]"
        ),
        Instruction(
            "_mm256_srli_epi16({a}, {n})",
            "shift_right_u16(a: u16[16], n: imm) -> u16[16] = a[i] >> n",
        ),
        Instruction(
            "_mm256_slli_epi32({a}, {n})", "shift_left_u32(a: u32[8], n: imm) -> u32[8] = a[i] << n"
        ),
        Instruction(
            "_mm256_srai_epi32({a}, {n})",
            "shift_right_i32(a: i32[8], n: imm) -> i32[8] = a[i] >> n",
        ),
        Instruction(
            "_mm256_slli_epi16({a}, {n})",
            "shift_left_u16(a: u16[16], n: imm) -> u16[16] = a[i] << n",
        ),
        Instruction(
            "_mm256_srai_epi16({a}, {n})",
            "shift_right_i16(a: i16[16], n: imm) -> i16[16] = a[i] >> n",
        ),
        Instruction(
            "_mm256_sub_epi32({a}, {b})",
            "subtract_i32(a: i32[8], b: i32[8]) -> i32[8] = a[i] - b[i]",
        ),
        Instruction(
            "_mm256_srlv_epi32({a}, {b})",
            "shift_right_each_u32(a: u32[8], b: u32[8]) -> u32[8]"
            " = select(b[i] < 32, a[i] >> (b[i] & 31), 0)",
        ),
        Instruction(
            "_mm256_and_si256({a}, {b})", "and_i32(a: i32[8], b: i32[8]) -> i32[8] = a[i] & b[i]"
        ),
        Instruction(
            "_mm256_or_si256({a}, {b})", "or_i32(a: i32[8], b: i32[8]) -> i32[8] = a[i] | b[i]"
        ),
        Instruction(
            "_mm256_xor_si256({a}, {b})", "xor_i32(a: i32[8], b: i32[8]) -> i32[8] = a[i] ^ b[i]"
        ),
        Instruction(
            "_mm256_and_si256({a}, _mm256_srai_epi32(_mm256_sllv_epi32(_mm256_set1_epi32((int32_t)({x})),"
            " _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24)), 31))",
            "keep_lanes_i32(x: i32, a: i32[8]) -> i32[8] = select(x >> i & 1, a[i], 0)",
        ),
        Instruction(
            "_mm256_abs_epi8({a})",
            "magnitude_i8(a: i8[32]) -> u8[32] = select(a[i] < 0, 0 - a[i], a[i])",
        ),
        Instruction(
            "_mm256_sign_epi8({a}, {b})",
            "sign_i8(a: i8[32], b: i8[32]) -> i8[32]"
            " = select(b[i] < 0, 0 - a[i], select(b[i] == 0, 0, a[i]))",
        ),
        # Lanes moved; narrowing takes four or eight of each operand in turn.
        Instruction(
            "_mm256_packs_epi32({a}, {b})",
            "narrow_i32(a: i32[8], b: i32[8]) -> i16[16]"
            " = saturate_i16(select(i % 8 < 4, a[i // 8 * 4 + i % 4], b[i // 8 * 4 + i % 4]))",
        ),
        Instruction(
            "_mm256_packs_epi16({a}, {b})",
            "narrow_i16(a: i16[16], b: i16[16]) -> i8[32]"
            " = saturate_i8(select(i % 16 < 8, a[i // 16 * 8 + i % 8], b[i // 16 * 8 + i % 8]))",
        ),
        Instruction(
            "_mm256_permutevar8x32_epi32({a}, {order})",
            "permute_i32(a: i32[8], order: i32[8]) -> i32[8] = a[order[i] & 7]",
        ),
        Instruction(
            "_mm256_permute2x128_si256({a}, {a}, 1)",
            "swap_registers_i32(a: i32[8]) -> i32[8] = a[i ^ 4]",
        ),
        Instruction(
            "_mm256_shuffle_epi32({a}, 0x4e)", "swap_halves_i32(a: i32[8]) -> i32[8] = a[i ^ 2]"
        ),
        Instruction(
            "_mm256_shuffle_epi32({a}, 0xb1)", "swap_pairs_i32(a: i32[8]) -> i32[8] = a[i ^ 1]"
        ),
        # Floats.
        Instruction(
            "_mm256_add_ps({a}, {b})", "add_f32(a: f32[8], b: f32[8]) -> f32[8] = a[i] + b[i]"
        ),
        Instruction(
            "_mm256_sub_ps({a}, {b})", "subtract_f32(a: f32[8], b: f32[8]) -> f32[8] = a[i] - b[i]"
        ),
        Instruction(
            "_mm256_mul_ps({a}, {b})", "multiply_f32(a: f32[8], b: f32[8]) -> f32[8] = a[i] * b[i]"
        ),
        Instruction(
            "_mm256_div_ps({a}, {b})", "divide_f32(a: f32[8], b: f32[8]) -> f32[8] = a[i] / b[i]"
        ),
        Instruction("_mm256_sqrt_ps({a})", "sqrt_f32(a: f32[8]) -> f32[8] = sqrt(a[i])"),
        Instruction(
            "_mm256_fmadd_ps({a}, {b}, {c})",
            "multiply_add_f32(a: f32[8], b: f32[8], c: f32[8]) -> f32[8] = fused(a[i], b[i], c[i])",
        ),
        Instruction(
            "_mm256_and_ps({a}, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff)))",
            "magnitude_f32(a: f32[8]) -> f32[8] = from_bits(bits(a[i]) & 0x7fffffff)",
        ),
        Instruction(
            "_mm256_movemask_ps(_mm256_cmp_ps({a}, {b}, _CMP_EQ_OQ))",
            "mask_equal_f32(a: f32[8], b: f32[8]) -> i32"
            " = sum(k < 8: select(a[k] == b[k], 1 << k, 0))",
        ),
        Instruction(
            "_mm256_max_ps({a}, {b})",
            "maximum_f32(a: f32[8], b: f32[8]) -> f32[8] = select(a[i] > b[i], a[i], b[i])",
        ),
        Instruction(
            "_mm256_min_ps({a}, {b})",
            "minimum_f32(a: f32[8], b: f32[8]) -> f32[8] = select(a[i] < b[i], a[i], b[i])",
        ),
        Instruction(
            "_mm256_permute2f128_ps({a}, {a}, 1)",
            "swap_registers_f32(a: f32[8]) -> f32[8] = a[i ^ 4]",
        ),
        Instruction(
            "_mm256_shuffle_ps({a}, {a}, 0x4e)", "swap_halves_f32(a: f32[8]) -> f32[8] = a[i ^ 2]"
        ),
        Instruction(
            "_mm256_shuffle_ps({a}, {a}, 0xb1)", "swap_pairs_f32(a: f32[8]) -> f32[8] = a[i ^ 1]"
        ),
        # Between integers and floats.
        Instruction("_mm256_cvtps_epi32({a})", "round_f32(a: f32[8]) -> i32[8] = round(a[i])"),
        Instruction("_mm256_cvtepi32_ps({a})", "to_f32(a: i32[8]) -> f32[8] = a[i]"),
        Instruction(
            "_mm256_cvttps_epi32({a})", "truncate_f32(a: f32[8]) -> i32[8] = truncate(a[i])"
        ),
        Instruction("_mm256_castsi256_ps({a})", "as_f32(a: i32[8]) -> f32[8] = from_bits(a[i])"),
    ),
)
