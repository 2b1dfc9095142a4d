"""Every processor exception and every panic is reported and ends the run with a code."""

from __future__ import annotations

import re

import pytest

from tests.targets import BARE, TARGETS

# fault: what the report must say, and the function that must lead the backtrace
FAULTS = {
    "divide": (r"\*\*\* exception 0, divide error", "divide"),
    "opcode": (r"\*\*\* exception 6, invalid opcode", "opcode"),
    "null": (r"exception 14, page fault.*\nread of address 0x8: .*\nnull pointer", "read_null"),
    "write-text": (r"write of address .* not allowed there\nthe kernel's code", "write_text"),
    "write-constant": (r"write of address .* not allowed there", "write_constant"),
    "stack": (
        r"\*\*\* exception 8, double fault.*\nstack overflow: .*guard page",
        "overflow_stack",
    ),
    "panic": (r"\*\*\* panic: asked for by fault=panic, 42\n", "arch_raise_panic"),
}


def backtrace(console: str) -> list[str]:
    """Function names of the report, innermost first; "?" for an address outside the code."""
    lines = console.split("backtrace, innermost first:\n")[1].splitlines()
    return [line.split()[1].split("+")[0] for line in lines if not line.startswith("  ...")]


@pytest.mark.parametrize("target", BARE)
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_reported_and_ends_the_run(boot, target: str, fault: str):
    said, culprit = FAULTS[fault]
    with boot(target, f"fault={fault}") as machine:
        assert machine.wait_exit(60) == 101
    assert re.search(said, machine.console), machine.console
    names = backtrace(machine.console)
    assert names[0] == culprit
    assert names[-3:-1] == ["kernel_main", "pc_start"], "the backtrace goes all the way out"


@pytest.mark.parametrize("target", BARE)
@pytest.mark.parametrize("fault", ["exec-data", "exec-free"])
def test_data_is_not_executable(boot, target: str, fault: str):
    with boot(target, f"fault={fault}") as machine:
        assert machine.wait_exit(60) == 101
    assert re.search(r"execution of address .* not allowed there", machine.console)
    assert backtrace(machine.console)[0] == "?", "data has no function name"
    assert "was executed" not in machine.console


@pytest.mark.parametrize("target", BARE)
def test_report_shows_the_registers(boot, target: str):
    with boot(target, "fault=opcode") as machine:
        machine.wait_exit(60)
    width, prefix = (8, "e") if TARGETS[target].word_bits == 32 else (16, "r")
    values = dict(re.findall(rf"\b({prefix}[a-z0-9]+) +([0-9a-f]{{{width}}})\b", machine.console))
    assert {
        f"{prefix}{name}" for name in ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "ip")
    } <= set(values)
    first = machine.console.split("innermost first:\n")[1].split()[0]
    assert values[f"{prefix}ip"] == first, "the backtrace starts at the instruction pointer"


@pytest.mark.parametrize("target", BARE)
def test_recursion_is_folded_and_its_caller_named(boot, target: str):
    with boot(target, "fault=stack") as machine:
        machine.wait_exit(60)
    folded = re.search(r"\.\.\. (\d+) times more\n  \w+ stack\+", machine.console)
    assert folded and int(folded[1]) > 50


@pytest.mark.parametrize("target", BARE)
def test_exit_code_reaches_the_runner(boot, target: str):
    with boot(target, "fault=exit") as machine:
        assert machine.wait_exit(60) == 7
    assert "***" not in machine.console


@pytest.mark.parametrize(
    ("target", "cpu", "says"),
    [("i386", "pentium3", "needs a processor with SSE2"), ("x86_64", "qemu32", "needs a 64-bit")],
)
def test_unfit_processor_is_refused(boot, target: str, cpu: str, says: str):
    """qemu-system-x86_64 offers 32-bit processors too."""
    with boot(target, "fault=exit", cpu=cpu) as machine:
        assert machine.wait_exit(60) == 101
    assert says in machine.console


@pytest.mark.parametrize("target", BARE)
def test_without_nx_the_log_says_so(boot, target: str):
    with boot(target, "fault=exec-data", cpu="max,-nx") as machine:
        machine.wait_for("this processor has no NX: data can be executed")
        assert "data was executed" in machine.console
