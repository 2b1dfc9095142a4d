"""One style for all C and all Python, and files that stay small enough to read."""

import subprocess
import sys
from pathlib import Path

from cllm_gen.emit.tree import STYLE
from tests.native import ROOT

LONGEST = 600  # lines of a hand-written source file


def tracked(*patterns: str) -> list[str]:
    listing = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", *patterns], check=True, capture_output=True, text=True
    )
    return [name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


def test_hand_written_c_is_formatted_as_generated_c_is():
    files = tracked("cllm_gen/*.c", "kernel_static/*.[ch]", "tests/*.c", "tests/*.h")
    tool = str(Path(sys.executable).with_name("clang-format"))
    command = [tool, "--dry-run", "-Werror", f"--style=file:{STYLE}", *files]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr[:2000]
    assert len(files) > 100


def test_python_is_formatted():
    files = tracked("*.py")
    command = [sys.executable, "-m", "black", "--quiet", "--check", *files]
    assert subprocess.run(command, cwd=ROOT).returncode == 0, "mend it with: black ."


def test_python_has_no_lint():
    command = [sys.executable, "-m", "ruff", "check", "--output-format", "concise"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout[:2000] + "much of it is mended by: ruff check --fix"


def test_python_is_typed():
    """The whole, and the specs alone, as their authors check them."""
    for words in ([], ["specs"]):
        command = [sys.executable, "-m", "mypy", *words]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert found.returncode == 0, found.stdout[:2000] + found.stderr[:2000]


def test_every_c_file_begins_with_what_it_is_about():
    files = tracked("cllm_gen/*.c", "kernel_static/*.c", "tests/*.c")
    files = [name for name in files if "/golden/" not in name]
    assert [name for name in files if not (ROOT / name).read_text().startswith("/* ")] == []


def test_no_source_file_is_too_long_to_read():
    files = tracked(
        "cllm_gen/*.py", "cllm_gen/*.c", "specs/*.py", "kernel_static/*.[chS]", "tests/*.py"
    )
    lengths = {name: len((ROOT / name).read_text().splitlines()) for name in files}
    assert {name: count for name, count in lengths.items() if count > LONGEST} == {}
