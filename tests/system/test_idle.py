"""An appliance that has nothing to do leaves the CPUs to others."""

import time
from pathlib import Path

import requests


def cpu_seconds(process: int) -> float:
    """What all threads of a process have used (proc(5), stat: utime and stime, in ticks of 10 ms)."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_an_idle_process_uses_hardly_any_cpu(hosted):
    request = {"prompt": "The", "max_tokens": 4}
    assert requests.post(hosted.url + "/v1/completions", json=request, timeout=120).ok
    time.sleep(0.5)  # workers go on looking for more work for some milliseconds
    used, begun = cpu_seconds(hosted.process.pid), time.monotonic()
    time.sleep(3)
    used = cpu_seconds(hosted.process.pid) - used
    assert used < 0.1 * (time.monotonic() - begun)
