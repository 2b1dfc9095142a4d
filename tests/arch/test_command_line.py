"""runtime/command_line.c and runtime/log.c, as a process with sanitizers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.arch.conftest import ROOT


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("driver") / "command_line"
    sources = [
        "tests/arch/command_line_driver.c",
        "kernel_static/lib/text.c",
        "kernel_static/runtime/command_line.c",
        "kernel_static/runtime/log.c",
    ]
    flags = (
        "-std=gnu11 -Wall -Wextra -Werror -g -fsanitize=address,undefined -fno-sanitize-recover=all"
    )
    subprocess.run(
        ["gcc", *flags.split(), "-Ikernel_static/include", *sources, "-o", output],
        cwd=ROOT,
        check=True,
    )
    return output


def say(driver: Path, words: str, key: str = "ip", *bounds: int) -> str:
    command = [str(driver), words, key, *map(str, bounds)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_values(driver):
    assert "value=10.0.2.15/24\n" in say(driver, "port=80 ip=10.0.2.15/24 log=info")
    assert "value=(none)\n" in say(driver, "port=80")
    assert "value=\n" in say(driver, "ip=")
    assert "value=b\n" in say(driver, "ip=a ip=b"), "the last one counts"
    assert "value=a=b\n" in say(driver, "ip=a=b")
    assert "value=1\n" in say(driver, "   ip=1   ")


@pytest.mark.parametrize("word", ["banana", "IP=1", "ipx=1", "i=1", "=1", "ip", "--ip=1"])
def test_unknown_words_are_named_and_ignored(driver, word: str):
    said = say(driver, f"{word} port=80")
    assert f"warn  command line: unknown word '{word}' is ignored" in said
    assert "value=(none)\n" in said


def test_no_words(driver):
    assert "warn" not in say(driver, "") and "warn" not in say(driver, "    ")


@pytest.mark.parametrize(
    ("text", "number", "warned"),
    [
        ("80", 80, False),
        ("0", 0, False),
        ("65535", 65535, False),
        ("00080", 80, False),
        ("65536", 8080, True),
        ("", 8080, True),
        ("-1", 8080, True),
        ("80x", 8080, True),
        ("0x50", 8080, True),
        ("99999999999999999999999999", 8080, True),
        ("18446744073709551696", 8080, True),
    ],
)
def test_numbers(driver, text: str, number: int, warned: bool):
    said = say(driver, f"port={text}", "port", 0, 65535, 8080)
    assert f"number={number}\n" in said
    assert ("expected a number from 0 to 65535; using 8080" in said) == warned


def test_number_not_given(driver):
    said = say(driver, "", "port", 1, 65535, 8080)
    assert "number=8080\n" in said and "warn" not in said


def test_lower_bound(driver):
    assert "number=8080\n" in say(driver, "port=0", "port", 1, 65535, 8080)


def test_log_levels(driver):
    assert "an info line" in say(driver, "") and "a debug line" not in say(driver, "")
    assert "a debug line" in say(driver, "log=debug")
    assert "an info line" not in say(driver, "log=error")
    said = say(driver, "log=loud")
    assert "log=loud: expected error, warn, info or debug" in said and "an info line" in said


def test_line_format(driver):
    assert "[   1.234567] info  test: an info line\n" in say(driver, "")


def test_long_lines_are_cut_not_spilled(driver):
    lines = say(driver, "x" * 1000).splitlines()
    assert len(lines[0]) == 239 and lines[0].endswith("x")
    assert lines[1].startswith("value=")
