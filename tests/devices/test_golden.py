"""The C and the page of one small device, whole."""

from pathlib import Path

from cllm_gen.lower.device import outputs
from tests.goldens import check


def test_small_device():
    check(Path(__file__).parent / "golden" / "small.py", outputs)
