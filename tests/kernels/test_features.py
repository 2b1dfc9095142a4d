"""A set asks a CPU for what its compiler may use, and for nothing else: a CPU that lacks what no kernel
needs is not shut out."""

import re
import subprocess

import pytest

from tests.kernels.sets import SETS

EXTENSION = re.compile(r"#define __(AVX\w*?|AMX\w*?|FMA|F16C)__ 1")
"""GCC defines one macro for each extension that it may use (GCC manual, x86 Options)."""


@pytest.mark.parametrize("isa", SETS, ids=lambda isa: isa.name)
def test_a_set_asks_for_what_its_compiler_may_use(isa):
    command = ["gcc", *isa.all_flags, "-dM", "-E", "-x", "c", "/dev/null"]
    macros = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    usable = {name.lower().replace("_", "") for name in EXTENSION.findall(macros)}
    asked = {feature.name.replace("_", "") for feature in isa.all_features} - {"sse2"}
    assert usable == asked
