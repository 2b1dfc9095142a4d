"""Booted images on one CPU and on several: the same answers, whoever computes them."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
import requests

from cllm_gen.machine.run import start
from tests.native import ROOT
from tests.system.conftest import MEMORY
from tests.targets import BARE, least_set

QUESTION = {"prompt": "The capital of France", "max_tokens": 4, "temperature": 0}


def answer(target: str, isa: str, cpus: int) -> str:
    with start(ROOT, target, memory=MEMORY, cpus=cpus, append=f"isa={isa}") as machine:
        machine.wait_ready(120)
        assert re.search(rf"smp: {cpus} CPUs?\n", machine.console), machine.console
        reply = requests.post(machine.url + "/v1/completions", json=QUESTION, timeout=600)
    assert reply.status_code == 200, reply.text
    return reply.json()["choices"][0]["text"]


@pytest.mark.parametrize("target", BARE)
def test_the_number_of_processors_does_not_change_the_answer(target: str):
    """With the set of kernels fixed; where none is named, time decides."""
    isa = least_set(target)
    answers = {cpus: answer(target, isa, cpus) for cpus in (1, 2, 4)}
    assert answers[1].strip() and len(set(answers.values())) == 1, answers


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, on all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_idle_threads_sleep():
    with start(ROOT, "hosted", cpus=2) as machine:
        machine.wait_ready(120)
        requests.post(machine.url + "/v1/completions", json=QUESTION, timeout=600)
        time.sleep(0.1)
        before = cpu_seconds(machine.process.pid)
        time.sleep(2)
        assert cpu_seconds(machine.process.pid) - before < 0.2
        reply = requests.post(machine.url + "/v1/completions", json=QUESTION, timeout=600)
        assert reply.status_code == 200, "and wake again"
