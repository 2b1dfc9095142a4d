"""What kernels are generated as, and what the kernel calls them as (include/kernels.h), agree."""

from __future__ import annotations

import re

import pytest

from cllm_gen.lower.kernel.resolve import c_parameters, load_kernels
from cllm_gen.lower.model.kernel_tables import TYPES
from tests.native import ROOT

HEADER = (ROOT / "kernel_static/include/kernels.h").read_text()
KERNELS = load_kernels(ROOT)


def declared(member: str) -> str:
    """The parameters of a member's function type, as the header has them."""
    (found,) = re.findall(rf"typedef void {member}_kernel\((.*?)\);", HEADER, re.DOTALL)
    return " ".join(found.split())


@pytest.mark.parametrize("operation, type", sorted(KERNELS))
def test_a_kernel_is_of_its_type(operation, type):
    assert operation in TYPES, f"give {operation} a type in lower/model/kernel_tables.py"
    assert c_parameters(KERNELS[operation, type]) == declared(TYPES[operation])


def test_every_type_is_a_member_of_struct_kernel():
    members = set(re.findall(r"^ {8}(\w+)_kernel \*(\w+);$", HEADER, re.MULTILINE))
    assert members == {(member, member) for member in TYPES.values()}
