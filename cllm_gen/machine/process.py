"""One running image, as a handle: its console, its readiness, its end."""

from __future__ import annotations

import ctypes
import http.client
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cllm_gen.machine.errors import RunFailed

_PR_SET_PDEATHSIG = 1
_LISTENING, _LISTENING_WAIT = "listening on", 4.0  # seconds
_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Runs in the child: should this process be killed, the machine goes with it. (The kernel
    watches the thread that started it, so machines are started from threads that stay.)"""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Machine:
    """A started image; a context manager that leaves no process behind.

    port       of 127.0.0.1, where it serves
    decode     turns the process's exit status into the kernel's exit code, or None when what
               failed was not the kernel
    echo       whether the console goes to stdout as it comes
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        port: int,
        decode: Callable[[int], int | None],
        echo: bool = False,
    ):
        self.command, self.port, self.started = list(command), port, time.monotonic()
        self._decode, self._echo = decode, echo
        self._bytes, self._errors = bytearray(), bytearray()
        self._grown = threading.Condition()
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=die_with_parent,
            bufsize=0,
        )
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self._bytes), (self.process.stderr, self._errors))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, into: bytearray) -> None:
        while piece := stream.read(65536):
            with self._grown:
                into += piece
                self._grown.notify_all()
            if self._echo and into is self._bytes:
                sys.stdout.buffer.write(piece.replace(b"\r\n", b"\n"))
                sys.stdout.buffer.flush()
        with self._grown:
            self._grown.notify_all()

    @property
    def console(self) -> str:
        """Everything printed so far."""
        with self._grown:
            return self._bytes.decode(errors="replace").replace("\r\n", "\n")

    @property
    def errors(self) -> str:
        """What the emulator (or the process itself) wrote to stderr."""
        with self._grown:
            return self._errors.decode(errors="replace")

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, text: str, timeout: float = 30) -> str:
        """The console once it holds `text`; RunFailed when it ends or time runs out first."""
        deadline = time.monotonic() + timeout
        while text not in self.console:
            ended = self.process.poll() is not None and not self._readers[0].is_alive()
            if ended and text not in self.console:
                raise RunFailed(f"ended before {text!r} appeared on its console:\n{self.console}")
            if time.monotonic() > deadline:
                raise RunFailed(f"no {text!r} on the console in {timeout} s:\n{self.console}")
            with self._grown:
                self._grown.wait(0.05)
        return self.console

    def healthy(self, timeout: float = 1.0) -> bool:
        """Whether GET /health answers 200 within `timeout` seconds."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait_ready(self, timeout: float = 60) -> float:
        """Seconds from start to the first 200 from /health; RunFailed when it ends or time runs
        out first. A probe that reaches the emulator before the kernel listens is kept and answered
        much later, so probes wait for the line that says it listens, or a while without it (the
        log may be turned down)."""
        deadline, patience = time.monotonic() + timeout, 0.25
        while _LISTENING not in self.console and time.monotonic() < self.started + _LISTENING_WAIT:
            if self.process.poll() is not None:
                break
            with self._grown:
                self._grown.wait(0.05)
        while not self.healthy(patience):
            if self.process.poll() is not None:
                raise RunFailed(f"ended before it answered:\n{self.console}{self.errors}")
            if time.monotonic() > deadline:
                raise RunFailed(f"no answer from /health in {timeout} s:\n{self.console}")
            patience = min(patience * 1.2, 5.0)
            time.sleep(0.01)
        return time.monotonic() - self.started

    def wait_exit(self, timeout: float | None = None) -> int:
        """The kernel's exit code once it ends by itself."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise RunFailed(f"still running after {timeout} s:\n{self.console}") from None
        for reader in self._readers:
            reader.join(5)
        code = self._decode(status)
        if code is None:
            raise RunFailed(f"{self.command[0]} ended with status {status}\n{self.errors.strip()}")
        return code

    def stop(self) -> None:
        """Ends it: politely, then not. Safe to call twice."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for reader in self._readers:
            reader.join(5)

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_) -> None:
        self.stop()
