"""`cllm-gen run` as a person meets it: address, Ctrl-C, panics, a busy port, nothing left over."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cllm_gen.image.build import compile_image
from cllm_gen.machine import run as running
from cllm_gen.machine.ports import free_port
from cllm_gen.spec.load import load_appliances
from tests.native import pipe
from tests.targets import BARE, TARGETS

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = [
    sys.executable,
    "-c",
    "from cllm_gen.cli import main; main()",
    "--root",
    str(ROOT),
    "run",
]


def interrupted(yes: bool = True) -> None:
    """Runs in a child: whether SIGINT ends it. What a background shell starts ignores SIGINT, and so does all that
    this starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL if yes else signal.SIG_IGN)


class Session:
    """A running `cllm-gen run` and what it printed."""

    def __init__(self, *arguments: str, ignores_interrupt: bool = False, **options):
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: interrupted(not ignores_interrupt),
            **options,
        )
        self.text = ""

    def until(self, text: str, timeout: float = 300) -> str:
        """Reads on until `text` appeared or the process ended."""
        deadline = time.monotonic() + timeout
        while text not in self.text and time.monotonic() < deadline:
            piece = os.read(pipe(self.process.stdout).fileno(), 65536)
            if not piece:
                break
            self.text += piece.decode(errors="replace")
        assert text in self.text, self.text
        return self.text

    def children(self) -> list[int]:
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True
        )
        return [int(pid) for pid in listed.stdout.split()]


def alive(pid: int) -> bool:
    """Whether the process runs (and is no zombie)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def session():
    sessions: list[Session] = []

    def start(*arguments: str, **options) -> Session:
        sessions.append(Session(*arguments, **options))
        return sessions[-1]

    yield start
    for each in sessions:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_serves_says_where_and_ends_cleanly(session, target: str, end: int):
    port = free_port()
    run = session("--target", target, "--port", str(port))
    run.until(f"at http://127.0.0.1:{port}")
    run.until(f"curl http://127.0.0.1:{port}/v1/chat/completions")
    assert ("accelerator: " in run.text) == (target in BARE)
    machines = run.children()
    assert machines
    run.process.send_signal(end)
    assert run.process.wait(30) == 0
    assert not any(alive(pid) for pid in machines)
    assert "Traceback" not in run.text


def test_killed_runner_takes_its_machine_along(session):
    port = free_port()
    run = session("--port", str(port))
    run.until(f"at http://127.0.0.1:{port}")
    machines = run.children()
    run.process.kill()
    run.process.wait()
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in machines) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert machines and not any(alive(pid) for pid in machines)


def test_busy_port(session):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = session("--port", str(port))
        assert run.process.wait(120) == 1
        run.until(f"error: port {port} of 127.0.0.1 cannot be used")
        assert "Traceback" not in run.text


@pytest.mark.parametrize("stdin", ["a terminal", "closed"])
def test_a_run_without_a_terminal_of_its_own(stdin: str):
    """Started by setsid from a terminal, which then controls another session, or by what closes its input."""
    code = "from cllm_gen.machine.terminal import foreground\nwith foreground(): print('ran')"
    command = [sys.executable, "-c", code]
    if stdin == "closed":
        command = ["sh", "-c", 'exec "$@" <&-', "sh", *command]
    master, slave = pty.openpty()
    try:
        ran = subprocess.run(command, stdin=slave, start_new_session=True, capture_output=True)
    finally:
        os.close(master)
        os.close(slave)
    assert ran.stdout == b"ran\n", ran.stderr.decode()


def test_a_run_in_the_background_ends_by_sigterm(session):
    """What a background shell starts ignores SIGINT, as is usual there: Ctrl-C means another."""
    port = free_port()
    run = session("--port", str(port), "--target", "hosted", ignores_interrupt=True)
    run.until(f"at http://127.0.0.1:{port}")
    run.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert run.process.poll() is None
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(30) == 0


def test_ctrl_c_at_a_terminal_is_no_error_for_make(tmp_path: Path):
    """make passes its terminal's Ctrl-C on to nobody here: the run is in front of it."""
    port = free_port()
    makefile = tmp_path / "Makefile"
    words = " ".join(f"'{word}'" for word in [*COMMAND, "--port", str(port)])
    makefile.write_text(f"run:\n\t@{words}\n\t@echo make went on\n")
    child, terminal = pty.fork()
    if child == 0:
        interrupted()
        os.execvp("make", ["make", "-f", str(makefile)])
    text = ""
    try:
        while "make went on" not in text:
            piece = os.read(terminal, 65536).decode(errors="replace")
            text += piece
            if "curl http" in piece:
                os.write(terminal, b"\x03")
    except OSError:  # the terminal closes with its last process
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, text
    assert "make went on" in text and "Interrupt" not in text and "Error" not in text


@pytest.mark.parametrize("target", BARE)
def test_panic_gives_a_nonzero_code(monkeypatch, capfd, target: str):
    appliance = load_appliances(ROOT)[0]
    monkeypatch.setattr(
        running, "build", lambda *_, **__: compile_image(ROOT, target, appliance, debug=True)
    )
    code = running.run(ROOT, target, None, port=free_port(), memory=128, append="fault=panic")
    out, errors = capfd.readouterr()
    assert code == 101
    assert "*** panic: asked for by fault=panic" in out and "ended with code 101" in errors


@pytest.mark.parametrize("target", TARGETS)
def test_a_misspelt_word_is_refused_and_named(monkeypatch, capfd, target: str):
    appliance = load_appliances(ROOT)[0]
    monkeypatch.setattr(running, "build", lambda *_, **__: compile_image(ROOT, target, appliance))
    code = running.run(ROOT, target, None, port=free_port(), memory=128, append="kye=sesame")
    out, errors = capfd.readouterr()
    assert code == 2
    assert "unknown word 'kye=': expected key=" in out
    assert "refuses its command line" in errors


def test_reset_gives_a_nonzero_code(monkeypatch, capfd):
    """A kernel whose reset goes unnoticed would look like one that ended well: this one is eight
    bytes of code that load an empty vector table and fault."""
    source = "lidt empty\nint3\nempty: .long 0, 0\n"
    appliance = load_appliances(ROOT)[0]
    image = compile_image(ROOT, "i386", appliance, debug=True)
    folder = image.folder.parent / "reset-test"
    folder.mkdir(exist_ok=True)
    (folder / "reset.S").write_text(
        ".long 0x1badb002, 0, -0x1badb002\n.global start\nstart:\n" + source
    )
    for command in (
        "gcc -m32 -c reset.S -o reset.o",
        "ld -m elf_i386 -Ttext=0x100000 -e start reset.o -o image.elf",
    ):
        subprocess.run(command.split(), check=True, cwd=folder)
    import dataclasses

    broken = dataclasses.replace(image, folder=folder, image=folder / "image.elf")
    monkeypatch.setattr(running, "build", lambda *_, **__: broken)
    assert running.run(ROOT, "i386", None, port=free_port(), memory=128) != 0
    assert "reset itself" in capfd.readouterr().err
