"""What the PC platform promises: memory, clock, sleep, random numbers, log."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from cllm_gen.machine import qemu
from cllm_gen.machine.options import Options
from cllm_gen.machine.ports import free_port
from cllm_gen.machine.process import Machine
from tests.targets import BARE


def found(pattern: str, console: str) -> re.Match[str]:
    """The first place in what was printed."""
    match = re.search(pattern, console)
    assert match, console
    return match


@pytest.mark.parametrize("target", BARE)
@pytest.mark.parametrize(("memory", "firmware"), [(128, "qboot"), (300, "seabios")])
def test_free_memory_is_zero(debug_image, target: str, memory: int, firmware: str):
    """The kernel clears only where firmware and loader wrote; this boot looks at every word."""
    image = debug_image(target)
    command, _ = qemu.command(
        image.target.loader,
        image.image,
        None,
        free_port(),
        Options(memory=memory, nic=image.nics[0], append="fault=dirty-memory"),
    )
    if "-bios" in command and firmware == "seabios":
        place = command.index("-bios")
        del command[place : place + 2]
    with Machine(command, image.folder, 0, qemu.exit_code) as machine:
        code = machine.wait_exit(120)
    assert code == 7, machine.console
    free = int(found(r"(\d+) KiB of free memory are zero", machine.console)[1])
    assert free > (memory - 8) * 1024


@pytest.mark.parametrize("target", BARE)
@pytest.mark.parametrize("cpu", ["max", "max,-rdrand"])
def test_clock_sleep_and_random_numbers(boot, target: str, cpu: str):
    drawn = set()
    for _ in range(2):
        with boot(target, "fault=sleep", cpu=cpu) as machine:
            machine.wait_for("asleep at")
            before, date = time.monotonic(), time.time()
            machine.wait_for("awake after")
            passed = time.monotonic() - before
            assert machine.wait_exit(60) == 7
        console = machine.console
        slept, woken = found(r"awake after (\d+) ms, (\d+) interrupts", console).groups()
        assert int(slept) >= 1000, "it sleeps until the deadline"
        assert passed > 0.8 * int(slept) / 1000, "the guest's second is not shorter than the host's"
        assert 1 <= int(woken) < 200, "it slept, and was not kept awake by interrupts"
        assert abs(int(found(r"asleep at (\d+)", console)[1]) - date) < 10
        assert ("from timer jitter" if "-rdrand" in cpu else "from RDRAND") in console
        drawn.add(found(r"random ([0-9a-f]{16})", console)[1])
    assert len(drawn) == 2, "two boots draw different numbers"


@pytest.mark.parametrize("target", BARE)
def test_idle_guest_leaves_the_host_alone(boot, target: str):
    """While it sleeps a second, QEMU may use a small part of that second."""
    with boot(target, "fault=sleep") as machine:
        machine.wait_for("asleep at")
        stat = Path(f"/proc/{machine.process.pid}/stat")
        used = []
        while "awake after" not in machine.console and machine.process.poll() is None:
            fields = stat.read_text().rsplit(")", 1)[1].split()
            used.append(int(fields[11]) + int(fields[12]))
            time.sleep(0.05)
    assert len(used) > 1 and used[-1] - used[0] < 50, "hundredths of a second of CPU in one second"


@pytest.mark.parametrize("target", BARE)
def test_words_that_are_not_understood_end_the_run(boot, target: str):
    with boot(target, "log=warn fault=sleep nonsense") as machine:
        assert machine.wait_exit(60) == 2
    assert re.search(
        r"\[ +\d+\.\d{6}\] error command line: unknown word 'nonsense='", machine.console
    )
    assert " info " not in machine.console and "asleep" not in machine.console


def test_release_image_has_no_fault_hooks(debug_image):
    """The hooks are compiled into debug images only."""
    from cllm_gen.image.build import compile_image
    from cllm_gen.image.symbols import read_symbols
    from cllm_gen.spec.load import load_appliances
    from tests.arch.conftest import ROOT

    release = compile_image(ROOT, "x86_64", load_appliances(ROOT)[0])
    assert "fault_provoke" in {s.name for s in read_symbols(ROOT, debug_image("x86_64").symbols)}
    assert "fault_provoke" not in {s.name for s in read_symbols(ROOT, release.symbols)}
