"""Running appliances: one of each target for the whole session, started on first use."""

import pytest

from cllm_gen.machine.run import start
from tests.kernels.sets import WIDEST
from tests.native import ROOT

MEMORY = 256  # MiB of the booted guests: what the README promises to be enough


@pytest.fixture(scope="session")
def appliances():
    """A function from target to a running, ready machine. The hosted one has one set of kernels for
    all numbers of rows, so that answers are the same to the bit however they were computed."""
    running = {}

    def machine(target):
        if target not in running:
            append = f"isa={WIDEST}" if target == "hosted" else ""
            running[target] = start(ROOT, target, memory=MEMORY, append=append)
            running[target].wait_ready(120)
        return running[target]

    yield machine
    for each in running.values():
        each.stop()


@pytest.fixture(scope="session")
def hosted(appliances):
    return appliances("hosted")


@pytest.fixture(scope="session")
def booted(appliances):
    return appliances("x86_64")
