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


def refuse(driver: Path, words: str, key: str = "ip", *bounds: int) -> str:
    """What is said by a run that ends as a refused one does."""
    command = [str(driver), words, key, *map(str, bounds)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2, ended
    assert "value=" not in ended.stdout or "number=" not in ended.stdout
    return ended.stdout


def test_values(driver):
    assert "value=10.0.2.15/24\n" in say(driver, "port=80 ip=10.0.2.15/24 log=info")
    assert "value=(none)\n" in say(driver, "port=80")
    assert "value=b\n" in say(driver, "ip=a ip=b"), "the last one counts"
    assert "value=a=b\n" in say(driver, "ip=a=b")
    assert "value=1\n" in say(driver, "   ip=1   ")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("prot=80", "port"),
        ("PORT=80", "ip"),
        ("keys=a", "key"),
        ("ipx=1", "ip"),
        ("cpu=1", "cpus"),
        ("origins=*", "origin"),
        ("--memory=1", "memory"),
        ("=1", "ip"),
        ("banana", "isa"),
    ],
)
def test_unknown_words_end_the_run_and_the_nearest_is_named(driver, word: str, meant: str):
    said = refuse(driver, f"log=error {word} port=80")
    key = word.partition("=")[0]
    assert f"error command line: unknown word '{key}=': expected {meant}= (" in said


@pytest.mark.parametrize("word", ["ip=", "ip", "port=", "key=", "key", "log="])
def test_words_without_a_value_end_the_run(driver, word: str):
    assert f"error command line: {word.rstrip('=')}=: expected " in refuse(driver, word)


def test_keys_are_not_logged(driver):
    (line,) = refuse(driver, "key=sesame", "key", 0, 1, 0).splitlines()[1:]
    assert line.endswith("key=...: expected a number from 0 to 1")
    assert "sesame" not in refuse(driver, "kye=sesame")


def test_no_words(driver):
    assert "warn" not in say(driver, "") and "warn" not in say(driver, "    ")


@pytest.mark.parametrize(
    ("text", "number"), [("80", 80), ("0", 0), ("65535", 65535), ("00080", 80)]
)
def test_numbers(driver, text: str, number: int):
    assert f"number={number}\n" in say(driver, f"port={text}", "port", 0, 65535, 8080)


@pytest.mark.parametrize(
    "text", ["65536", "-1", "80x", "0x50", "99999999999999999999999999", "18446744073709551696"]
)
def test_other_numbers_end_the_run(driver, text: str):
    said = refuse(driver, f"port={text}", "port", 0, 65535, 8080)
    assert f"port={text}: expected a number from 0 to 65535\n" in said


def test_number_not_given(driver):
    said = say(driver, "", "port", 1, 65535, 8080)
    assert "number=8080\n" in said and "warn" not in said


def test_lower_bound(driver):
    assert "port=0: expected a number from 1 to" in refuse(driver, "port=0", "port", 1, 65535, 8080)


def test_log_levels(driver):
    assert "an info line" in say(driver, "") and "a debug line" not in say(driver, "")
    assert "a debug line" in say(driver, "log=debug")
    assert "an info line" not in say(driver, "log=error")
    assert "log=loud: expected error, warn, info or debug" in refuse(driver, "log=loud")


def test_line_format(driver):
    assert "[   1.234567] info  test: an info line\n" in say(driver, "")


def test_long_lines_are_cut_not_spilled(driver):
    (line,) = refuse(driver, "x" * 1000).splitlines()
    assert len(line) == 239 and line.endswith("x")
