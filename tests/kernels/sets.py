"""The instruction sets under test and what this CPU has."""

from __future__ import annotations

from pathlib import Path

from specs.isa.avx2 import avx2
from specs.isa.avx512 import avx512
from specs.isa.sse2 import sse2
from specs.isa.ssse3 import ssse3
from specs.isa.word32 import word32
from specs.isa.word64 import word64

SETS = [word32, word64, sse2, ssse3, avx2, avx512]
CPU_FLAGS = set(
    next(
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")
    ).split()
)
