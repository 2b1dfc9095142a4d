"""A copy of the project's specs and what they need, to be edited by a test."""

import shutil

import pytest

from tests.native import ROOT


@pytest.fixture
def project(tmp_path):
    """A folder with specs/, generated/ and what of kernel_static/ specs name, as a checkout has them."""
    for name in (
        "specs",
        "generated",
        "kernel_static/api",
        "kernel_static/drivers",
        "kernel_static/include",
    ):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path
