"""The whole hosted appliance under the thread sanitizer: what one worker writes, another reads only
behind a barrier."""

import ctypes

import pytest
import requests

from cllm_gen.machine.run import start
from tests.native import ROOT

_WITHOUT_RANDOM_ADDRESSES = 0x0040000  # personality(2): older sanitizers need it on newer kernels


@pytest.fixture(scope="module")
def watched():
    libc = ctypes.CDLL(None)
    before = libc.personality(0xFFFFFFFF)
    libc.personality(before | _WITHOUT_RANDOM_ADDRESSES)
    try:
        with start(ROOT, "hosted", sanitize="threads", cpus=2) as machine:
            machine.wait_ready(120)
            yield machine
    finally:
        libc.personality(before)


def test_no_races_in_prefill_and_decode(watched):
    """Steps of few rows and of so many that workers have rows of their own, then single ones."""
    body = {"prompt": "one two three four " * 130, "max_tokens": 3, "temperature": 0}
    answer = requests.post(watched.url + "/v1/completions", json=body, timeout=600)
    assert answer.status_code == 200 and answer.json()["usage"]["prompt_tokens"] > 500
    watched.process.terminate()
    code = watched.wait_exit(60)
    assert "ThreadSanitizer" not in watched.errors, watched.errors[:4000]
    assert code == 0
