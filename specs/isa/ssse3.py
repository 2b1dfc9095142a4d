"""SSSE3 adds byte products to SSE2: sixteen at once, neighbours summed."""

from cllm_gen.spec.isa import Feature, Instruction, InstructionSet
from specs.isa.sse2 import sse2

ssse3 = InstructionSet(
    name="ssse3",
    summary="128-bit vectors with byte products",
    base=sse2,
    flags=("-mssse3",),
    features=(Feature("ssse3", leaf=1, subleaf=0, register="ecx", bit=9),),
    registers=(),
    instructions=(
        Instruction(
            "_mm_maddubs_epi16({a}, {b})",
            "multiply_pairs_u8(a: u8[16], b: i8[16]) -> i16[8]"
            " = saturate_i16(a[2*i] * b[2*i] + a[2*i + 1] * b[2*i + 1])",
        ),
        Instruction(
            "_mm_sign_epi8({a}, {b})",
            "with_sign_i8(a: i8[16], b: i8[16]) -> i8[16]"
            " = select(b[i] < 0, -a[i], select(b[i] == 0, 0, a[i]))",
        ),
        Instruction("_mm_abs_epi8({a})", "magnitude_i8(a: i8[16]) -> u8[16] = abs(a[i])"),
    ),
)
