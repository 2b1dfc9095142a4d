"""The engines that the benchmark compares with, each a child process (peer_worker.py) in an environment
of its own under build/peers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

from cllm_gen.bench.peer_weights import SHIPPED, peer_weights
from cllm_gen.machine.errors import RunFailed
from cllm_gen.machine.process import die_with_parent

VARIANTS = {
    "openvino": ("f16", "q4_0"),
    "ik": (SHIPPED, "f16", "q4_0"),
    "llama": (SHIPPED, "q4_0"),
}
"""By engine, the weights that it is run with, in the order of their turns: first after ours what uses
tile units as ours does, whose speed may change from one second to the next. OpenVINO: F16, its best
prefill, and Q4_0, its best decode. llama.cpp and ik_llama.cpp: the file as shipped, and Q4_0, for which
they have their fastest kernels; the latter in F16 too, since its Q4_1 is wrong from 32 rows on."""

ABSENT = {
    "onnxruntime-genai": "runs ONNX graphs, whose builder needs PyTorch and the model's configuration",
    "litert-lm-api": "reads .litertlm files, and refuses GGUF",
}
"""Engines that were tried with these weights, and why they are no peers (README.md)."""

BUILDS = ("sse2", "sse42", "avx2")
"""Of llama.cpp's kernels, besides those for all that this CPU has: for older CPUs."""

EXACT = "llama-exact"
"""llama.cpp with everything in F32, slowly: what others are held against."""

TITLES = {"ik": "ik_llama", "llama": "llama.cpp", "openvino": "OpenVINO"}
_HALVED = (
    "OpenVINO's fused MLP, which it uses for float weights where the CPU has AMX, divides by half the "
    "number of threads (openvinotoolkit/openvino issue 33300): this peer needs two threads"
)
_WORKER = Path(__file__).with_name("peer_worker.py")


def installed(root: Path) -> bool:
    """Whether `make setup-bench` has run."""
    return (root / "build" / "peers" / "setup-stamp").exists()


def python(root: Path) -> Path:
    """The interpreter of the peers' environment; RunFailed with the command that makes it."""
    if not installed(root):
        raise RunFailed(
            "the peers are not installed; mend it with: make setup-bench   (10 to 20 minutes; "
            "or measure without them: cllm-gen bench --peers none)"
        )
    return root / "build" / "peers" / "venv" / "bin" / "python"


def llama_libraries(root: Path) -> Path:
    """Where llama.cpp's libraries and its server lie, for llama-cpp-python too."""
    return root / "build" / "peers" / "llama.cpp" / "bin"


def llama_server(root: Path) -> Path:
    """llama.cpp's server; RunFailed with the command that makes it."""
    python(root)
    return llama_libraries(root) / "llama-server"


def _environment(root: Path, build: str) -> dict[str, str]:
    """Of a peer's process: where llama.cpp's libraries are. Another build of its kernels is found
    before the one beside them."""
    found = {**os.environ, "LLAMA_CPP_LIB_PATH": str(llama_libraries(root))}
    if build:
        folder = llama_libraries(root).parent.with_name(f"llama.cpp-{build}") / "bin"
        if not folder.exists():
            raise RunFailed(f"llama.cpp for {build} is not built; mend it with: make setup-bench")
        found["LD_LIBRARY_PATH"] = str(folder)
    return found


class Peer:
    """A loaded engine; a context manager that leaves no process behind. `build` is one of BUILDS, or
    empty for kernels that use all that this CPU has."""

    def __init__(
        self,
        root: Path,
        engine: str,
        shipped: Path,
        weights: str,
        threads: int,
        build: str = "",
    ):
        self.engine, self.threads = engine, threads
        self.file = peer_weights(shipped, weights, root / "build" / "peers" / "weights")
        log = root / "build" / "bench" / f"{engine}{build}-{weights}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log.open("w")
        self.process = subprocess.Popen(
            [str(python(root)), str(_WORKER), engine, str(self.file), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=_environment(root, build),
            preexec_fn=die_with_parent,
        )
        assert self.process.stdin and self.process.stdout
        self._questions, self._answers = self.process.stdin, self.process.stdout
        try:
            self.version = self._answer()["version"]
        except BaseException:
            self.stop()
            raise

    def _answer(self) -> dict:
        line = self._answers.readline()
        if not line:
            raise RunFailed(self._ended(self.process.wait()))
        answer = json.loads(line)
        if "error" in answer:
            raise RunFailed(answer["error"].strip().splitlines()[-1])
        return answer

    def _ended(self, status: int) -> str:
        """Why the process is no more, from its exit status and what is known of the engine."""
        how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit {status}"
        if Path(self._log.name).stat().st_size:
            how += f"; it wrote {self._log.name}"
        if (self.engine, self.threads, -status) == ("openvino", 1, signal.SIGFPE):
            how += f". {_HALVED}"
        return how

    def ask(self, **question) -> dict:
        """One line of peer_worker.py's protocol and its answer. RunFailed when it fails."""
        try:
            self._questions.write(json.dumps(question) + "\n")
            self._questions.flush()
        except BrokenPipeError:
            pass  # it has ended: the answer says how
        return self._answer()

    def pause(self) -> None:
        """Stops its threads, which some engines let spin while they wait."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self._questions.close()
        self._answers.close()
        self._log.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_) -> None:
        self.stop()
