"""SSE2: sixteen registers of 128 bits (eight on i386). Every x86_64 CPU has it; on i386 it is the
least that cllm runs on. Source: Intel SDM volume 2, the entry of each mnemonic."""

from cllm_gen.spec.isa import CpuidBit, Instruction, InstructionSet, RegisterFile

# Sums reordered, or loads of two branches made before both, take more registers than there are: i386 has
# eight.
TUNING = ("-fno-tree-reassoc", "-fno-code-hoisting")
INTEGERS = ("i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64")

sse2 = InstructionSet(
    name="sse2",
    summary="128-bit integer and float vectors",
    headers=("immintrin.h",),
    flags=("-msse2",),
    tuning=TUNING,
    features=(CpuidBit("sse2", leaf=1, subleaf=0, register="edx", bit=26),),
    registers=(
        RegisterFile("__m128i", 128, INTEGERS, {32: 8, 64: 16}),
        RegisterFile("__m128", 128, ("f32",), {32: 8, 64: 16}),
    ),
    instructions=(
        # Memory. Integer loads and stores take any alignment.
        Instruction(
            "_mm_loadu_si128((const __m128i *)({p}))", "load_i8(p: *i8[16]) -> i8[16] = p[i]"
        ),
        Instruction(
            "_mm_loadl_epi64((const __m128i *)({p}))",
            "load_low_i8(p: *i8[8]) -> i8[16] = select(i < 8, p[i % 8], 0)",
        ),
        Instruction(
            "_mm_storeu_si128((__m128i *)({p}), {a})",
            "store_i8(p: *i8[16], a: i8[16]) -> *i8[16] = a[i]",
        ),
        Instruction(
            "_mm_storel_epi64((__m128i *)({p}), {a})",
            "store_low_i8(p: *i8[8], a: i8[16]) -> *i8[8] = a[i]",
        ),
        Instruction("_mm_loadu_ps({p})", "load_f32(p: *f32[4]) -> f32[4] = p[i]"),
        Instruction(
            "_mm_storeu_ps({p}, {a})", "store_f32(p: *f32[4], a: f32[4]) -> *f32[4] = a[i]"
        ),
        Instruction(
            "_mm_store_ss({p}, {a})", "store_first_f32(p: *f32[1], a: f32[4]) -> *f32[1] = a[i]"
        ),
        Instruction("*({p}) = (uint16_t)({a})", "store_u16(p: *u16[1], a: i32) -> *u16[1] = a"),
        Instruction("*({p}) = (uint32_t)({a})", "store_u32(p: *u32[1], a: i32) -> *u32[1] = a"),
        Instruction("*({p}) = (uint8_t)({a})", "store_u8(p: *u8[1], a: i32) -> *u8[1] = a"),
        # One value in every lane.
        Instruction("_mm_set1_epi32({x})", "broadcast_i32(x: i32) -> i32[4] = x"),
        Instruction("_mm_set1_epi8({x})", "broadcast_i8(x: i8) -> i8[16] = x"),
        Instruction("_mm_set1_epi16({x})", "broadcast_i16(x: i16) -> i16[8] = x"),
        Instruction("_mm_set1_ps({x})", "broadcast_f32(x: f32) -> f32[4] = x"),
        # Lanes of 16 bits; results wrap.
        Instruction(
            "_mm_add_epi16({a}, {b})", "add_i16(a: i16[8], b: i16[8]) -> i16[8] = a[i] + b[i]"
        ),
        Instruction(
            "_mm_sub_epi16({a}, {b})", "subtract_i16(a: i16[8], b: i16[8]) -> i16[8] = a[i] - b[i]"
        ),
        Instruction(
            "_mm_mullo_epi16({a}, {b})",
            "multiply_i16(a: i16[8], b: i16[8]) -> i16[8] = a[i] * b[i]",
        ),
        Instruction(
            "_mm_madd_epi16({a}, {b})",
            "multiply_pairs_i16(a: i16[8], b: i16[8]) -> i32[4]"
            " = a[2*i] * b[2*i] + a[2*i + 1] * b[2*i + 1]",
        ),
        Instruction(
            "_mm_srli_epi16({a}, {n})", "shift_right_u16(a: u16[8], n: imm) -> u16[8] = a[i] >> n"
        ),
        Instruction(
            "_mm_slli_epi16({a}, {n})", "shift_left_u16(a: u16[8], n: imm) -> u16[8] = a[i] << n"
        ),
        Instruction(
            "_mm_srai_epi16({a}, {n})", "shift_right_i16(a: i16[8], n: imm) -> i16[8] = a[i] >> n"
        ),
        Instruction(
            "_mm_packs_epi16({a}, {b})",
            "narrow_i16(a: i16[8], b: i16[8]) -> i8[16] = saturate_i8(select(i < 8, a[i % 8], b[i % 8]))",
        ),
        # Lanes of 32 bits; results wrap.
        Instruction(
            "_mm_add_epi32({a}, {b})", "add_i32(a: i32[4], b: i32[4]) -> i32[4] = a[i] + b[i]"
        ),
        Instruction(
            "_mm_sub_epi32({a}, {b})", "subtract_i32(a: i32[4], b: i32[4]) -> i32[4] = a[i] - b[i]"
        ),
        Instruction(
            "_mm_srli_epi32({a}, {n})", "shift_right_u32(a: u32[4], n: imm) -> u32[4] = a[i] >> n"
        ),
        Instruction(
            "_mm_slli_epi32({a}, {n})", "shift_left_u32(a: u32[4], n: imm) -> u32[4] = a[i] << n"
        ),
        Instruction(
            "_mm_srai_epi32({a}, {n})", "shift_right_i32(a: i32[4], n: imm) -> i32[4] = a[i] >> n"
        ),
        Instruction(
            "_mm_shuffle_epi32({a}, 0x4e)", "swap_halves_i32(a: i32[4]) -> i32[4] = a[i ^ 2]"
        ),
        Instruction(
            "_mm_shuffle_epi32({a}, 0xb1)", "swap_pairs_i32(a: i32[4]) -> i32[4] = a[i ^ 1]"
        ),
        Instruction(
            "_mm_packs_epi32({a}, {b})",
            "narrow_i32(a: i32[4], b: i32[4]) -> i16[8] = saturate_i16(select(i < 4, a[i % 4], b[i % 4]))",
        ),
        # Interleaving the low halves of two registers.
        Instruction(
            "_mm_unpacklo_epi8({a}, {b})",
            "interleave_i8(a: i8[16], b: i8[16]) -> i8[16] = select(i % 2, b[i // 2], a[i // 2])",
        ),
        Instruction(
            "_mm_unpacklo_epi16({a}, {b})",
            "interleave_i16(a: i16[8], b: i16[8]) -> i16[8] = select(i % 2, b[i // 2], a[i // 2])",
        ),
        # Bits.
        Instruction(
            "_mm_and_si128({a}, {b})", "and_i32(a: i32[4], b: i32[4]) -> i32[4] = a[i] & b[i]"
        ),
        Instruction(
            "_mm_or_si128({a}, {b})", "or_i32(a: i32[4], b: i32[4]) -> i32[4] = a[i] | b[i]"
        ),
        Instruction("_mm_setzero_si128()", "zero_i32() -> i32[4] = 0"),
        # Floats.
        Instruction("_mm_setzero_ps()", "zero_f32() -> f32[4] = 0"),
        Instruction(
            "_mm_add_ps({a}, {b})", "add_f32(a: f32[4], b: f32[4]) -> f32[4] = a[i] + b[i]"
        ),
        Instruction(
            "_mm_sub_ps({a}, {b})", "subtract_f32(a: f32[4], b: f32[4]) -> f32[4] = a[i] - b[i]"
        ),
        Instruction(
            "_mm_mul_ps({a}, {b})", "multiply_f32(a: f32[4], b: f32[4]) -> f32[4] = a[i] * b[i]"
        ),
        Instruction(
            "_mm_div_ps({a}, {b})", "divide_f32(a: f32[4], b: f32[4]) -> f32[4] = a[i] / b[i]"
        ),
        Instruction("_mm_sqrt_ps({a})", "sqrt_f32(a: f32[4]) -> f32[4] = sqrt(a[i])"),
        Instruction(
            "_mm_max_ps({a}, {b})",
            "maximum_f32(a: f32[4], b: f32[4]) -> f32[4] = select(a[i] > b[i], a[i], b[i])",
        ),
        Instruction(
            "_mm_min_ps({a}, {b})",
            "minimum_f32(a: f32[4], b: f32[4]) -> f32[4] = select(a[i] < b[i], a[i], b[i])",
        ),
        Instruction(
            "_mm_and_ps({a}, {b})",
            "and_f32(a: f32[4], b: f32[4]) -> f32[4] = from_bits(bits(a[i]) & bits(b[i]))",
        ),
        Instruction(
            "_mm_shuffle_ps({a}, {a}, 0x4e)", "swap_halves_f32(a: f32[4]) -> f32[4] = a[i ^ 2]"
        ),
        Instruction(
            "_mm_shuffle_ps({a}, {a}, 0xb1)", "swap_pairs_f32(a: f32[4]) -> f32[4] = a[i ^ 1]"
        ),
        Instruction(
            "_mm_setr_ps(-1, 1, -1, 1)", "alternate_f32() -> f32[4] = select(i % 2, 1, -1)"
        ),
        Instruction("_mm_unpacklo_ps({a}, {a})", "low_twice_f32(a: f32[4]) -> f32[4] = a[i // 2]"),
        Instruction(
            "_mm_unpackhi_ps({a}, {a})", "high_twice_f32(a: f32[4]) -> f32[4] = a[2 + i // 2]"
        ),
        # Between integers and floats: to the nearest integer, ties to even; or towards zero.
        Instruction("_mm_cvtps_epi32({a})", "round_f32(a: f32[4]) -> i32[4] = round(a[i])"),
        Instruction("_mm_cvttps_epi32({a})", "truncate_f32(a: f32[4]) -> i32[4] = truncate(a[i])"),
        Instruction("_mm_cvtepi32_ps({a})", "to_f32(a: i32[4]) -> f32[4] = a[i]"),
        Instruction("_mm_castsi128_ps({a})", "as_f32(a: i32[4]) -> f32[4] = from_bits(a[i])"),
        Instruction("_mm_castps_si128({a})", "as_i32(a: f32[4]) -> i32[4] = bits(a[i])"),
    ),
)
