"""The general registers of x86_64 as vectors: a 64-bit word holds two rows of four quants, and one
64-bit multiplication by two packed activations makes four useful products at once.

A real CPU is faster with byte products. An emulator that translates general instructions to the
host's own, but vector ones to calls, is several times faster with this: it is what a guest under
TCG picks."""

from cllm_gen.spec.isa import Instruction, InstructionSet, RegisterFile
from specs.isa.sse2 import sse2

# Every access to memory costs an emulator a look-up of its page. Without these the compiler reorders
# sums and addresses until a third more values lie on the stack.
FLAGS = ("-O1", "-fno-tree-reassoc")

SCALARS = (
    # Scalars of one row. i32 results are kept small enough by schedules not to overflow.
    Instruction("({a} + {b})", "plus(a: i32, b: i32) -> i32 = a + b"),
    Instruction("({a} - {b})", "minus(a: i32, b: i32) -> i32 = a - b"),
    Instruction("({a} * {b})", "times(a: i32, b: i32) -> i32 = a * b"),
    Instruction("({a} & {b})", "both(a: i32, b: i32) -> i32 = a & b"),
    Instruction("({a} | {b})", "either(a: i32, b: i32) -> i32 = a | b"),
    Instruction("({a} ^ {b})", "differ(a: i32, b: i32) -> i32 = a ^ b"),
    Instruction("({a} >> {n})", "halve(a: i32, n: imm) -> i32 = a >> n"),
    Instruction("((int32_t)((uint32_t){a} << {n}))", "double(a: i32, n: imm) -> i32 = a << n"),
    Instruction("({a} >> {n})", "halve_by(a: i32, n: i32) -> i32 = a >> n"),
    Instruction(
        "((uint32_t){a} < {b} ? {a} : {b})",
        "least(a: i32, b: i32) -> i32 = select((a & 0xffffffff) < b, a, b)",
    ),
    Instruction("(int32_t)({a} >> {n})", "narrow_i64(a: i64, n: imm) -> i32 = a >> n"),
    Instruction("({a} > {b} ? {a} : {b})", "most(a: i32, b: i32) -> i32 = select(a > b, a, b)"),
    Instruction("*({p}) = {a}", "store_one_i32(p: *i32[1], a: i32) -> *i32[1] = a"),
    Instruction("(int64_t){x}", "start(x: imm) -> i64 = x"),
    Instruction(
        "({total} + (int64_t){a} * {b})",
        "accumulate(total: i64, a: i32, b: i32) -> i64 = total + a * b",
    ),
    Instruction(
        "((union { int32_t bits; float value; }){{a}}).value",
        "as_one_f32(a: i32) -> f32 = from_bits(a)",
    ),
    Instruction("(float){a}", "round_i64(a: i64) -> f32 = a"),
    Instruction("({a} + {b})", "plus_f32(a: f32, b: f32) -> f32 = a + b"),
    Instruction("({a} * {b})", "times_f32(a: f32, b: f32) -> f32 = a * b"),
    Instruction("*({p}) = {a}", "store_one_f32(p: *f32[1], a: f32) -> *f32[1] = a"),
)

word64 = InstructionSet(
    name="word64",
    summary="64-bit general registers as vectors: fastest under emulators",
    base=sse2,
    flags=FLAGS,
    features=(),
    registers=(RegisterFile("uint64_t", 64, ("u16", "u32", "u64"), {64: 16}),),
    instructions=(
        Instruction("*(const uint64_t *)({p})", "load_word(p: *u64[1]) -> u64[1] = p[i]"),
        Instruction("(uint64_t)(int64_t)({x})", "extend_word(x: i32) -> u64[1] = unsigned_64(x)"),
        Instruction("(UINT64_C(0x0001000100010001) * {x})", "spread_u16(x: imm) -> u16[4] = x"),
        Instruction("(UINT64_C(0x0000000100000001) * {x})", "spread_u32(x: imm) -> u32[2] = x"),
        Instruction("({a} & {b})", "and_word(a: u64[1], b: u64[1]) -> u64[1] = a[i] & b[i]"),
        Instruction("({a} ^ {b})", "xor_word(a: u64[1], b: u64[1]) -> u64[1] = a[i] ^ b[i]"),
        Instruction("({a} >> {n})", "shift_right_word(a: u64[1], n: imm) -> u64[1] = a[i] >> n"),
        Instruction("({a} + {b})", "add_word(a: u64[1], b: u64[1]) -> u64[1] = a[i] + b[i]"),
        Instruction("({a} * {b})", "multiply_word(a: u64[1], b: u64[1]) -> u64[1] = a[i] * b[i]"),
        Instruction("(int32_t)({a})", "low_i32(a: u32[2]) -> i32 = a[0]"),
        Instruction("(int32_t)({a} >> 32)", "high_i32(a: u32[2]) -> i32 = a[1]"),
        *SCALARS,
    ),
)
