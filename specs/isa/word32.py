"""The general registers of i386 as vectors: a 32-bit word holds one row of four quants, and one
multiplication by two packed activations sums two products. See word64.py for when this is best."""

from cllm_gen.spec.isa import Instruction, InstructionSet, RegisterFile
from specs.isa.sse2 import sse2
from specs.isa.word64 import FLAGS, SCALARS

word32 = InstructionSet(
    name="word32",
    summary="32-bit general registers as vectors: fastest under emulators",
    base=sse2,
    flags=FLAGS,
    features=(),
    registers=(RegisterFile("uint32_t", 32, ("u16", "u32"), {32: 8, 64: 16}),),
    instructions=(
        Instruction("*(const uint32_t *)({p})", "load_word(p: *u32[1]) -> u32[1] = p[i]"),
        Instruction("(uint32_t)({x})", "extend_word(x: i32) -> u32[1] = x"),
        Instruction("(UINT32_C(0x00010001) * {x})", "spread_u16(x: imm) -> u16[2] = x"),
        Instruction("UINT32_C({x})", "spread_u32(x: imm) -> u32[1] = x"),
        Instruction("({a} & {b})", "and_word(a: u32[1], b: u32[1]) -> u32[1] = a[i] & b[i]"),
        Instruction("({a} ^ {b})", "xor_word(a: u32[1], b: u32[1]) -> u32[1] = a[i] ^ b[i]"),
        Instruction("({a} >> {n})", "shift_right_word(a: u32[1], n: imm) -> u32[1] = a[i] >> n"),
        Instruction("({a} + {b})", "add_word(a: u32[1], b: u32[1]) -> u32[1] = a[i] + b[i]"),
        Instruction("({a} * {b})", "multiply_word(a: u32[1], b: u32[1]) -> u32[1] = a[i] * b[i]"),
        Instruction("(int32_t)({a})", "low_i32(a: u32[1]) -> i32 = a[0]"),
        *SCALARS,
    ),
)
