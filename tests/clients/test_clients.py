"""Unmodified clients do all that needs neither tools nor constrained output.

Each runs in the environment that `make setup-clients` made, as one process with all its cases
(cases.py), against the hosted server.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from cllm_gen.machine.process import Machine
from cllm_gen.machine.run import start
from tests.native import ROOT

FOLDER = Path(__file__).parent
PYTHON = ROOT / "build" / "clients" / "bin" / "python"
STAMP = ROOT / "build" / "clients" / "setup-stamp"
pytestmark = pytest.mark.skipif(not STAMP.exists(), reason="make setup-clients installs them")
CLIENTS = sorted(path.stem for path in FOLDER.glob("with_*.py"))


def cases(client: str) -> list[str]:
    """Names of the functions marked as cases; the file itself needs the client to be imported."""
    source = (FOLDER / f"{client}.py").read_text()
    return re.findall(r"^@case\n(?:async )?def (\w+)", source, re.M)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A function from target and client to what its cases said."""
    machines: dict[str, Machine] = {}
    told: dict[tuple[str, str], dict[str, str]] = {}

    def results(target: str, client: str) -> dict[str, str]:
        if (target, client) in told:
            return told[target, client]
        if target not in machines:
            machines[target] = start(ROOT, target, memory=256)
            machines[target].wait_ready(120)
        file = tmp_path_factory.mktemp(client) / "results.json"
        command = [PYTHON, "-W", "ignore", FOLDER / f"{client}.py", machines[target].url, file]
        done = subprocess.run(command, capture_output=True, text=True, timeout=550)
        assert file.exists(), done.stdout[-2000:] + done.stderr[-4000:]
        told[target, client] = json.loads(file.read_text())
        return told[target, client]

    yield results
    for machine in machines.values():
        machine.stop()


@pytest.mark.parametrize(
    "client, case", [(client, case) for client in CLIENTS for case in cases(client)]
)
def test_hosted(served, client, case):
    problem = served("hosted", client)[case]
    assert not problem, problem


def test_every_file_of_cases_is_run():
    assert len(CLIENTS) == 10 and all(cases(client) for client in CLIENTS)
