"""The C and the page of one small header, whole."""

from pathlib import Path

from cllm_gen.lower.protocol import outputs
from tests.goldens import check


def test_small_header():
    check(Path(__file__).parent / "golden" / "small.py", outputs)
