"""AMX: eight tiles of 16 rows by 64 bytes, and products of bfloat16 tiles summed in f32. Source: Intel SDM
volume 1, chapter 18, and volume 2, the entry of each mnemonic."""

from cllm_gen.spec.isa import CpuidBit, Instruction, InstructionSet, RegisterFile, TileShape
from specs.isa.avx512_bf16 import avx512_bf16

_TILE_STATE = 0x60000  # XCR0: tile configuration, tile data
_FENCE = (
    "__atomic_signal_fence(__ATOMIC_SEQ_CST)"  # the intrinsic does not say that it reads memory
)

amx = InstructionSet(
    name="amx",
    summary="tiles of 16 by 16 sums, products of bfloat16",
    base=avx512_bf16,
    headers=("immintrin.h",),
    flags=("-mamx-tile", "-mamx-bf16"),
    features=(
        CpuidBit("amx_tile", leaf=7, subleaf=0, register="edx", bit=24, state=_TILE_STATE),
        CpuidBit("amx_bf16", leaf=7, subleaf=0, register="edx", bit=22),
    ),
    registers=(
        RegisterFile(
            "tile",
            8192,
            ("bf16", "f32"),
            {64: 8},
            TileShape(16, 64, "_tile_loadconfig({p})", "_tile_release()"),
        ),
    ),
    instructions=(
        # Tiles.
        Instruction("_tile_zero({result})", "zero_tile_f32() -> f32[16][16] = 0"),
        Instruction(
            _FENCE + "; _tile_loadd({result}, {p}, {stride})",
            "load_tile_bf16(p: *bf16[16][32], stride: u64) -> bf16[16][32] = p[i, j]",
        ),
        Instruction(  # leaves the nearest cache to what is used again
            _FENCE + "; _tile_stream_loadd({result}, {p}, {stride})",
            "stream_tile_bf16(p: *bf16[16][32], stride: u64) -> bf16[16][32] = p[i, j]",
        ),
        Instruction(
            _FENCE + "; _tile_loadd({result}, {p}, {stride})",
            "load_tile_f32(p: *f32[16][16], stride: u64) -> f32[16][16] = p[i, j]",
        ),
        Instruction(
            "_tile_stored({a}, {p}, {stride})",
            "store_tile_f32(p: *f32[16][16], stride: u64, a: f32[16][16]) -> *f32[16][16] = a[i, j]",
        ),
        Instruction(
            "_tile_dpbf16ps({c}, {a}, {b})",
            "multiply_tiles_bf16(c: f32[16][16], a: bf16[16][32], b: bf16[16][32]) -> f32[16][16]"
            " = c[i, j] + sum(k < 16: a[i, 2*k] * b[k, 2*j] + a[i, 2*k + 1] * b[k, 2*j + 1])",
            tolerance=2.0**-20,
        ),
        # Bits of 32-bit lanes.
        Instruction("_mm512_loadu_si512({p})", "load_u32(p: *u32[16]) -> u32[16] = p[i]"),
        Instruction(
            "_mm512_permutexvar_epi32({n}, {a})",
            "permute_u32(a: u32[16], n: u32[16]) -> u32[16] = a[n[i] & 15]",
        ),
        Instruction(
            "_mm512_permutexvar_ps({n}, {a})",
            "permute_f32(a: f32[16], n: u32[16]) -> f32[16] = a[n[i] & 15]",
        ),
        Instruction(
            "_mm512_rorv_epi32({a}, {n})",
            "rotate_right_u32(a: u32[16], n: u32[16]) -> u32[16]"
            " = (a[i] >> (n[i] & 31)) | (a[i] << ((32 - n[i]) & 31))",
        ),
        Instruction(
            "_mm512_ternarylogic_epi32({a}, {mask}, {b}, 0x6a)",
            "masked_xor_u32(a: u32[16], mask: u32[16], b: u32[16]) -> u32[16]"
            " = (a[i] & mask[i]) ^ b[i]",
        ),
    ),
)
