"""A set asks a CPU for what its compiler may use, and for nothing else: a CPU that lacks what no kernel
needs is not shut out."""

import re
import subprocess

import pytest

from tests.kernels.sets import SETS

EXTENSION = re.compile(r"#define __(S?SSE[34]\w*?|AVX\w*?|AMX\w*?|FMA|F16C)__ 1")
"""GCC defines one macro for each extension that it may use (GCC manual, x86 Options)."""
BEFORE_AVX = {"sse3", "ssse3", "sse41", "sse42"}
"""Every CPU with AVX has them (Intel SDM volume 1, 14.1)."""


@pytest.mark.parametrize("isa", SETS, ids=lambda isa: isa.name)
def test_a_set_asks_for_what_its_compiler_may_use(isa):
    command = ["gcc", *isa.all_flags, "-dM", "-E", "-x", "c", "/dev/null"]
    macros = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    usable = {name.lower().replace("_", "") for name in EXTENSION.findall(macros)}
    names = {feature.name.replace("_", "") for feature in isa.all_features} - {"sse2"}
    asked = {"sse3" if name == "pni" else name for name in names}
    assert usable - (BEFORE_AVX if "avx" in asked else set()) == asked
