"""The instruction sets under test and what this CPU has."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from cllm_gen.spec.isa import InstructionSet
from specs.isa.amx import amx
from specs.isa.avx2 import avx2
from specs.isa.avx512 import avx512
from specs.isa.avx512_bf16 import avx512_bf16
from specs.targets.hosted import hosted

SETS = list(hosted.sets)
"""All that a process can have, from the least capable on."""
CPU_FLAGS = set(
    next(
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")
    ).split()
)


_ARCH_REQ_XCOMP_PERM, _SYS_ARCH_PRCTL, _TILE_DATA = 0x1023, 158, 18
if ctypes.CDLL(None).syscall(_SYS_ARCH_PRCTL, _ARCH_REQ_XCOMP_PERM, _TILE_DATA) != 0:
    CPU_FLAGS.discard("amx_tile")  # Linux lends tile registers to those who ask


def skip_without(isa: InstructionSet) -> None:
    """Skips the test if this CPU lacks the instruction set."""
    if missing(isa):
        pytest.skip(f"this CPU lacks {', '.join(missing(isa))}")


def missing(isa: InstructionSet) -> list[str]:
    """The features of a set that this CPU lacks."""
    return [feature.name for feature in isa.all_features if feature.name not in CPU_FLAGS]


WIDEST = [isa.name for isa in SETS if not missing(isa)][-1]
"""The most capable set that this CPU has."""


EMULATED = Path(__file__).resolve().parent.parent / "emulated"
"""Has a header that makes intrinsics of AVX-512 and AMX of AVX2's."""
_OWN = ("-mavx512", "-mamx")


def has(isa: InstructionSet) -> bool:
    """Whether this CPU has the instruction set."""
    return not missing(isa)


def emulated(isa: InstructionSet) -> bool:
    """Whether this CPU lacks the set but can emulate it."""
    return not has(isa) and isa in (avx512, avx512_bf16, amx) and has(avx2)


def flags(isa: InstructionSet) -> list[str]:
    """What compiles a set's kernels for this CPU: the set's own flags, or those of its emulation."""
    if not emulated(isa):
        return list(isa.all_flags)
    kept = [flag for flag in isa.all_flags if not flag.startswith(_OWN)]
    return [*kept, "-mf16c", f"-I{EMULATED}", "-Wno-psabi", "-fno-strict-aliasing"]


def skip_without_emulation(isa: InstructionSet) -> None:
    """Skips the test if this CPU has neither the set nor what its emulation needs."""
    if not emulated(isa):
        skip_without(isa)


def summary() -> list[str]:
    """Which sets the tests run on, and of each other what this CPU lacks and what becomes of its tests."""
    lines = [f"on this CPU: {', '.join(isa.name for isa in SETS if has(isa))}"]
    for isa in SETS:
        if has(isa):
            continue
        fate = "its tests are skipped"
        if emulated(isa):
            fate = "instructions, attention and tiles are emulated by tests/emulated, its other tests skipped"
        lines.append(f"not run: {isa.name}, for want of {', '.join(missing(isa))}; {fate}")
    return lines
