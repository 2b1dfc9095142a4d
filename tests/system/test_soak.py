"""Some seconds of many clients (soak.py; ten minutes of it are run by hand): nothing is wrong but that
there is too much, and everything is given back."""

import asyncio

from cllm_gen.machine.run import start
from tests.native import ROOT
from tests.system.soak import soak

CLIENTS, SECONDS, LONGEST = 40, 10, 600
MEMORY = 64  # MiB, which leave keys and values of 1,152 tokens: blocks run short


def test_many_clients_are_served_and_everything_is_given_back():
    with start(ROOT, "hosted", append=f"memory={MEMORY}") as machine:
        machine.wait_for("ready")
        told = asyncio.run(soak(machine.port, CLIENTS, SECONDS, LONGEST))
        assert not told.wrong, told.wrong[:5]
        assert told.answers["200"] > CLIENTS / 2 and told.answers["left"] and told.health
