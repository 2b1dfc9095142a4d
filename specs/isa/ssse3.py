"""SSSE3: SSE2's registers with products of bytes, on PCs from 2006 to 2013 and on Atoms. Source: Intel SDM
volume 2, the entry of each mnemonic."""

from cllm_gen.spec.isa import CpuidBit, Instruction, InstructionSet
from specs.isa.sse2 import TUNING, sse2

ssse3 = InstructionSet(
    name="ssse3",
    summary="128-bit vectors with products of bytes",
    base=sse2,
    headers=("immintrin.h",),
    flags=("-mssse3",),
    tuning=TUNING,
    features=(
        CpuidBit("pni", leaf=1, subleaf=0, register="ecx", bit=0),  # SSE3, by its first name
        CpuidBit("ssse3", leaf=1, subleaf=0, register="ecx", bit=9),
    ),
    registers=(),
    instructions=(
        Instruction(
            "_mm_maddubs_epi16({a}, {b})",
            "multiply_pairs_u8(a: u8[16], b: i8[16]) -> i16[8]"
            " = saturate_i16(a[2*i] * b[2*i] + a[2*i + 1] * b[2*i + 1])",
        ),
    ),
)
