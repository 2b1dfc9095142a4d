"""runtime/workers.c under the thread sanitizer, which sees every access that a barrier should order."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

from tests.arch.conftest import ROOT

PIECES, ROUNDS = 20, 60


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("driver") / "workers"
    sources = [
        "tests/arch/workers_driver.c",
        "kernel_static/runtime/workers.c",
        "kernel_static/runtime/log.c",
    ]
    flags = "-std=gnu11 -O1 -Wall -Wextra -Werror -g -Ikernel_static/include -fsanitize=thread"
    command = ["gcc", *flags.split(), *sources, "-pthread", "-o", str(output)]
    subprocess.run(command, cwd=ROOT, check=True)
    return output


def expected(workers: int) -> int:
    """The driver's sums, one after another."""
    cells = [0] * workers
    spare = [0] * workers
    for _ in range(PIECES):
        pair = [cells, spare]
        for turn in range(ROUNDS):
            total = sum(value * (place + 1) for place, value in enumerate(pair[turn % 2]))
            pair[(turn + 1) % 2] = [(total + each + 1) % 1000003 for each in range(workers)]
        cells, spare = pair
    return sum(cells)


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 16])
def test_barriers_order_all_memory_and_things_are_taken_once(driver, workers: int):
    # a fixed layout of addresses: older sanitizers cannot place their shadow memory in others
    command = ["setarch", platform.machine(), "-R", driver, str(workers), str(ROUNDS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "data race" not in done.stderr
    plural = "" if workers == 1 else "s"
    assert f"smp: {workers} CPU{plural}\n" in done.stdout
    assert f"sum {expected(workers)}\n" in done.stdout
    assert "wrong 0\n" in done.stdout
