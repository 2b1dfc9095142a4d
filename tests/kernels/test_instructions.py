"""Every instruction of every set, on this CPU or emulated on it, against its meaning: random and extreme
lanes."""

from __future__ import annotations

import ctypes
import itertools
import subprocess

import numpy as np
import pytest

from cllm_gen.notation.evaluate import bf16_bits, run_meaning
from cllm_gen.notation.index import Type
from cllm_gen.spec.isa import InstructionSet
from tests.kernels.sets import SETS, flags, skip_without_emulation

SEED = 20_241
_C = {
    "i8": "int8_t",
    "u8": "uint8_t",
    "i16": "int16_t",
    "u16": "uint16_t",
    "i32": "int32_t",
    "u32": "uint32_t",
    "i64": "int64_t",
    "u64": "uint64_t",
    "f32": "float",
    "bf16": "uint16_t",
}
_NUMPY = {
    "i8": "i1",
    "u8": "u1",
    "i16": "i2",
    "u16": "u2",
    "i32": "i4",
    "u32": "u4",
    "i64": "i8",
    "u64": "u8",
    "f32": "f4",
    "bf16": "u2",
}
IMMEDIATES = (1, 4, 7)
STRIDES = (64, 128, 192)  # bytes from row to row, for instructions that have a stride
TRIALS = 24
SMALLEST = 2.0**-120  # below, instructions with a tolerance may flush to zero


def _lanes(type: Type) -> int:
    return (type.rows or 1) * (type.lanes or 1)


def _immediates(instruction) -> list[dict[str, int]]:
    """Each choice of the instruction's immediates."""
    names = [name for name, type in instruction.read.parameters if type.element == "imm"]
    return [dict(zip(names, values)) for values in itertools.product(IMMEDIATES, repeat=len(names))]


def _types(instruction) -> list[tuple[str, Type]]:
    return [*instruction.read.parameters, ("", instruction.read.result)]


def _function(isa: InstructionSet, instruction, constants: dict[str, int], name: str) -> str:
    """A C function that runs the instruction on operands in memory."""
    parameters, texts = ["uint8_t *result"], {"result": "7"}
    body = []
    if any(type.rows for _, type in _types(instruction)):
        body.append("uint8_t shapes[64] = {1};")
        body.append("for (int t = 0; t < 8; t++) shapes[16 + 2 * t] = 64, shapes[48 + t] = 16;")
        body.append("__atomic_signal_fence(__ATOMIC_SEQ_CST);")
        assert isa.tiles and isa.tiles.tile
        body.append(isa.tiles.tile.configure.replace("{p}", "shapes") + ";")
    for at, (operand, type) in enumerate(instruction.read.parameters):
        if type.element == "imm":
            texts[operand] = str(constants[operand])
            continue
        element = _C[type.element]
        if type.pointer and instruction.read.result.pointer:
            texts[operand] = f"({element} *)(void *)result"
            continue
        parameters.append(f"const uint8_t *from{at}")
        if type.pointer:
            texts[operand] = f"(const {element} *)(const void *)from{at}"
        elif type.rows:
            body.append(f"_tile_loadd({at}, from{at}, 64);")
            texts[operand] = str(at)
        else:
            c_type = isa.c_type(type)
            body.append(f"{c_type} {operand}; memcpy(&{operand}, from{at}, sizeof {operand});")
            texts[operand] = operand
    code = instruction.code
    for operand, text in texts.items():
        code = code.replace("{" + operand + "}", text)
    if instruction.read.result.pointer:
        body.append(f"{code};")
    elif instruction.read.result.rows:
        body.append(f"{code}; _tile_stored({0 if instruction.in_place else 7}, result, 64);")
    else:
        body.append(
            f"{isa.c_type(instruction.read.result)} out = {code}; memcpy(result, &out, sizeof out);"
        )
    return f"void {name}({', '.join(parameters)}) {{ {' '.join(body)} }}"


@pytest.fixture(scope="module", params=SETS, ids=lambda isa: isa.name)
def compiled(request, tmp_path_factory):
    """A shared object with a function for each instruction of a set and each immediate."""
    isa = request.param
    cases = []
    for instruction in isa.instructions:
        for constants in _immediates(instruction):
            suffix = "".join(f"_{value}" for value in constants.values())
            cases.append((instruction, constants, f"run_{instruction.name}{suffix}"))
    folder = tmp_path_factory.mktemp(isa.name)
    source = folder / "instructions.c"
    source.write_text(
        "#include <immintrin.h>\n#include <stdint.h>\n#include <string.h>\n"
        + "\n".join(_function(isa, *case) for case in cases)
    )
    subprocess.run(
        ["gcc", "-O1", "-shared", "-fPIC", *flags(isa), str(source), "-o", str(folder / "i.so")],
        check=True,
    )
    skip_without_emulation(isa)
    return ctypes.CDLL(str(folder / "i.so")), cases


def _values(type: Type, rng, trial: int) -> np.ndarray:
    """Lanes: extremes in the first trials, then random; floats within the range where conversions
    to integers are defined, with zeros and halves."""
    count, dtype = _lanes(type), np.dtype(_NUMPY[type.element])
    if type.element == "f32":
        edges = np.array(
            [0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 1e-30, -1e-30, 1e9, -1e9, 3.25], np.float32
        )
        return (
            rng.choice(edges, count)
            if trial % 2
            else (rng.standard_normal(count) * 10.0 ** rng.integers(-3, 6)).astype("f4")
        )
    if type.element == "bf16":
        return bf16_bits(rng.standard_normal(count) * 10.0 ** rng.integers(-3, 6, count))
    limits = np.iinfo(dtype)
    edges = np.array(
        [limits.min, limits.max, 0, 1, limits.max - 1, limits.min + 1, limits.max // 2], dtype
    )
    if trial % 3 == 0:
        return rng.choice(edges, count)
    return rng.integers(limits.min, limits.max, count, dtype=dtype, endpoint=True)


def _bits(values: np.ndarray) -> bytes:
    """The bytes of lanes; which of the many NaNs a lane holds does not matter."""
    if values.dtype.kind == "f":
        values = np.where(values != values, np.float32(np.nan), values)
    return values.tobytes()


_DEFINED = {  # operands that a schedule keeps in range, because C leaves the rest undefined
    "plus": 2**30 - 1,
    "minus": 2**30 - 1,
    "times": 2**15 - 1,
    "accumulate": 2**31 - 1,
    "double": 2**23,
}


def _operand(instruction, operand: str, type: Type, rng, trial: int) -> np.ndarray:
    """Lanes within the range in which the instruction is defined."""
    if operand == "stride":
        return np.array([STRIDES[trial % len(STRIDES)]], np.uint64)
    values = _values(type, rng, trial)
    if instruction.name in _DEFINED and not type.pointer:
        bound = _DEFINED[instruction.name]
        values = np.clip(values, -bound, bound).astype(values.dtype)
    if operand == "n":
        values = values & 31
    if instruction.name == "least" and operand == "b":
        values = values & 0x7FFFFFFF
    if instruction.name.startswith(("divide", "reciprocal")):
        values = np.where(values == 0, np.float32(2), values)
    if instruction.name.startswith("sqrt"):
        values = np.abs(values)
    return values


def _apart(rows: np.ndarray, stride: int) -> np.ndarray:
    """Bytes of rows that are `stride` bytes apart, with junk between."""
    wide = np.full((len(rows), stride), 0xA5, np.uint8)
    wide[:, : rows[0].nbytes] = rows.view(np.uint8)
    return wide


def test_instructions_do_what_they_mean(compiled):
    library, cases = compiled
    rng = np.random.default_rng(SEED)
    print(f"seed {SEED}")
    for instruction, constants, name in cases:
        function = getattr(library, name)
        result = instruction.read.result
        for trial in range(TRIALS):
            operands, addresses = dict(constants), []
            stride = 0
            for operand, type in instruction.read.parameters:
                if type.element == "imm":
                    continue
                if type.pointer and result.pointer:
                    operands[operand] = np.zeros(_lanes(type))
                    continue
                values = _operand(instruction, operand, type, rng, trial)
                if operand == "stride":
                    stride = int(values[0])
                operands[operand] = values.reshape(type.shape) if type.lanes else values[0]
                addresses.append((type, np.ascontiguousarray(values)))
            got = np.full(_lanes(result) * 8 * 8 + 64, 0xA5, np.uint8)
            passed = [
                _apart(a.reshape(type.shape), stride) if type.rows and type.pointer else a
                for type, a in addresses
            ]
            function(
                ctypes.c_void_p(got.ctypes.data), *(ctypes.c_void_p(a.ctypes.data) for a in passed)
            )
            want = run_meaning(instruction.read, operands)
            found, beyond = _written(got, result, stride)
            found = found.view(_NUMPY[result.element]).reshape(want.shape)
            assert (beyond == 0xA5).all(), f"{name} writes beyond its result"
            if instruction.tolerance:
                bound = run_meaning(
                    instruction.read, {k: _unsigned(v) for k, v in operands.items()}
                )
                assert (
                    np.abs(found - want) <= instruction.tolerance * bound + SMALLEST
                ).all(), f"{name}({operands}): {found}, its meaning gives {want}"
            else:
                assert _bits(found) == _bits(
                    want
                ), f"{name}({operands}): {found}, its meaning gives {want}"


def _written(got: np.ndarray, result: Type, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of a result, and all others."""
    size = np.dtype(_NUMPY[result.element]).itemsize
    if not (result.pointer and result.rows):
        size *= _lanes(result)
        return got[:size], got[size:]
    end, size = result.rows * stride, size * result.lanes
    rows = got[:end].reshape(result.rows, stride)
    return rows[:, :size].copy(), np.concatenate([rows[:, size:].ravel(), got[end:]])


def _unsigned(values):
    """Floats without their signs; bfloat16 is held in 16 bits."""
    return values & 0x7FFF if values.dtype == np.uint16 else np.abs(values)
