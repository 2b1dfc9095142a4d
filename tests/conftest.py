"""What every run of tests ends with: the instruction sets that it could not run."""

from __future__ import annotations

from tests.kernels.sets import summary


def pytest_terminal_summary(terminalreporter) -> None:
    terminalreporter.section("instruction sets")
    for line in summary():
        terminalreporter.write_line(line)
