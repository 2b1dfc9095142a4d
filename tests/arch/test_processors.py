"""The other CPUs: how many run, that they meet and sleep, and that their faults end the run."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
import requests

from cllm_gen.machine.run import start_image
from tests.arch.test_faults import FAULTS, backtrace
from tests.targets import BARE, TARGETS

OTHER_FAULTS = ("null", "opcode", "stack", "panic")


@pytest.mark.parametrize("target", BARE)
@pytest.mark.parametrize(
    ("cpus", "words", "run"),
    [
        (1, "", "1 CPU"),
        (2, "", "2 CPUs"),
        (4, "", "4 CPUs"),
        (20, "", "16 CPUs"),
        (4, "cpus=3", "3 CPUs"),
        (4, "cpus=1", "1 CPU"),
    ],
)
def test_processors_are_counted(boot, target: str, cpus: int, words: str, run: str):
    with boot(target, f"{words} fault=other-exit", cpus=cpus) as machine:
        assert machine.wait_exit(120) == 7
    assert re.search(rf"smp: {run}\n", machine.console), machine.console
    assert "does not answer" not in machine.console


@pytest.mark.parametrize("target", BARE)
def test_fewer_processors_than_wanted(boot, target: str):
    with boot(target, "cpus=5 fault=other-exit", cpus=2) as machine:
        assert machine.wait_exit(120) == 7
    assert "warn  smp: 5 CPUs are wanted, 2 run\n" in machine.console


@pytest.mark.parametrize("cpu", ["max", "max,pdpe1gb=off"])
@pytest.mark.parametrize("target", BARE)
def test_stacks_beyond_4_gib(boot, target: str, cpu: str):
    """With 6 GiB, most of the free memory lies above 4 GiB, and so do the stacks of x86_64's other CPUs and their
    guard pages, whether it is mapped by pages of 1 GiB or of 2 MiB."""
    with boot(target, "fault=other-stack", memory=6144, cpus=2, cpu=cpu) as machine:
        assert machine.wait_exit(120) == 101, machine.console
    assert "smp: 2 CPUs\n" in machine.console
    found = re.search(r"stack overflow: (0x[0-9a-f]+) is in the guard page", machine.console)
    assert found, machine.console
    assert (int(found[1], 16) >= 1 << 32) == (TARGETS[target].word_bits == 64)


def test_rings_beyond_4_gib(boot):
    """The network card's rings and buffers lie there too, and so does the heap."""
    with boot("x86_64", "", memory=6144, cpus=2) as machine:
        machine.wait_for("listening on")
        answer = requests.get(machine.url + "/health", timeout=30)
        assert answer.status_code == 503 and "loading" not in answer.text, "there is no model image"


@pytest.mark.parametrize("target", BARE)
@pytest.mark.parametrize("fault", OTHER_FAULTS)
def test_fault_on_another_processor_ends_the_run(boot, target: str, fault: str):
    said, culprit = FAULTS[fault]
    with boot(target, f"fault=other-{fault}", cpus=3) as machine:
        assert machine.wait_exit(120) == 101
    assert re.search(said, machine.console), machine.console
    assert machine.console.count("***") == 1 and "\non CPU 2\n" in machine.console
    names = backtrace(machine.console)
    assert names[0] == culprit
    assert names[-3:-1] == ["worker_loop", "processor_enter"], "the backtrace goes all the way out"


@pytest.mark.parametrize("target", BARE)
@pytest.mark.parametrize("cpus", [2, 4])
def test_workers_meet_and_an_idle_guest_leaves_the_host_alone(boot, target: str, cpus: int):
    """They meet 4,000 times, sleeping now and then; afterwards QEMU may use a small part of a second."""
    with boot(target, "fault=workers", cpus=cpus) as machine:
        machine.wait_for(f"{cpus} workers met", timeout=120)
        machine.wait_for("asleep at")
        time.sleep(0.1)  # workers spin for some milliseconds before they sleep
        stat = Path(f"/proc/{machine.process.pid}/stat")
        used = []
        while "awake after" not in machine.console and machine.process.poll() is None:
            fields = stat.read_text().rsplit(")", 1)[1].split()
            used.append(int(fields[11]) + int(fields[12]))
            time.sleep(0.05)
        assert machine.wait_exit(60) == 7
    assert len(used) > 1 and used[-1] - used[0] < 50, "hundredths of a second of CPU in one second"


@pytest.mark.parametrize(
    ("fault", "said"),
    [("null", "signal 11 "), ("stack", "signal 11 "), ("panic", "asked for by fault=panic, 42\n")],
)
def test_fault_on_a_thread_of_a_hosted_process(debug_image, fault: str, said: str):
    with start_image(debug_image("hosted"), cpus=2, append=f"fault=other-{fault}")[0] as machine:
        assert machine.wait_exit(60) == 101
    last = len(os.sched_getaffinity(0)) > 1  # else there is but one worker
    assert f"panic on CPU {int(last)}: {said}" in machine.console, machine.console
