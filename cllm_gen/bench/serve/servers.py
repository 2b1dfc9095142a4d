"""Servers as processes: ours, llama.cpp's, and OpenVINO's pipeline behind openvino_server.py."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

from cllm_gen.bench.contest import OURS
from cllm_gen.bench.peers import llama_server, python
from cllm_gen.image.build import Image
from cllm_gen.machine.errors import RunFailed
from cllm_gen.machine.ports import free_port
from cllm_gen.machine.process import die_with_parent
from cllm_gen.machine.run import start_image

SLOTS, CONTEXT = 16, 16384
"""llama.cpp's sequences at once, and the tokens that its cache holds for all of them together."""
VARIANTS = {"llama-server": ("q4_0",), "openvino": ("f16", "q4_0")}
"""By peer, the weights that it is run with: llama.cpp the type that it repacks for its fastest kernels,
OpenVINO those of its best prefill and of its best decode."""
_TITLES = {"llama-server": "llama-server", "openvino": "OpenVINO"}
_WORKER = Path(__file__).with_name("openvino_server.py")
_READY_S, _PROBE_S = 120.0, 0.002


class Server(ABC):
    """A started server. `name` and `title` as in reports, `detail` how it was started, `started` when
    (time.monotonic)."""

    name: str
    title: str
    detail: str
    port: int
    pid: int
    started: float

    def healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait_healthy(self) -> float:
        """Seconds from its start to the first 200 of /health; RunFailed when none comes."""
        while not self.healthy():
            if not self.runs() or time.monotonic() > self.started + _READY_S:
                raise RunFailed(f"{self.title} does not answer /health: {self.complaint()}")
            time.sleep(_PROBE_S)
        return time.monotonic() - self.started

    def memory(self) -> dict[str, int]:
        """Bytes of it that are in memory, now and at most; shared pages and mapped files count."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        kib = {key: int(fields[key].split()[0]) for key in ("VmRSS", "VmHWM")}
        return {"resident": 1024 * kib["VmRSS"], "peak": 1024 * kib["VmHWM"]}

    @abstractmethod
    def runs(self) -> bool: ...
    @abstractmethod
    def complaint(self) -> str: ...
    @abstractmethod
    def pause(self) -> None: ...
    @abstractmethod
    def resume(self) -> None: ...
    @abstractmethod
    def stop(self) -> None: ...


class Ours(Server):
    """Our engine as a Linux process. It sleeps when there is nothing to do, so nothing pauses it."""

    name = OURS

    def __init__(self, image: Image, threads: int, append: str):
        self.title = f"{OURS} shipped"
        words = f"cpus={threads} {append}".strip()
        self.detail = f"hosted, {words}"
        self.machine = start_image(image, append=words)[0]
        self.port, self.pid = self.machine.port, self.machine.process.pid
        self.started = self.machine.started

    def runs(self) -> bool:
        return self.machine.process.poll() is None

    def complaint(self) -> str:
        return self.machine.console + self.machine.errors

    def pause(self) -> None:
        pass

    resume = pause

    def stop(self) -> None:
        self.machine.stop()


class Peer(Server):
    """A server of others. Its threads may spin while they wait, so it is stopped when it has no turn."""

    def __init__(self, root: Path, name: str, weights: str, file: Path, threads: int):
        self.name, self.title = name, f"{_TITLES[name]} {weights}"
        self.port = free_port()
        command = (_llama if name == "llama-server" else _openvino)(root, file, self.port, threads)
        self.detail = " ".join(os.path.basename(word) for word in command)
        self._log = root / "build" / "bench" / f"{name}-{weights}.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        self.pid = self._process.pid

    def runs(self) -> bool:
        return self._process.poll() is None

    def complaint(self) -> str:
        return f"it wrote {self._log}"

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def _llama(root: Path, file: Path, port: int, threads: int) -> list[str]:
    """Continuous batching is its default; its cache of prompts in host memory is turned off, since no
    load needs it and it would count as resident memory."""
    words = f"--host 127.0.0.1 --port {port} -t {threads} -tb {threads} -np {SLOTS} -c {CONTEXT}"
    words += " --kv-unified --cache-ram 0"
    return [str(llama_server(root)), "-m", str(file), *words.split()]


def _openvino(root: Path, file: Path, port: int, threads: int) -> list[str]:
    return [str(python(root)), str(_WORKER), str(port), str(file), str(threads)]
