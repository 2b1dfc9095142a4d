"""Both servers as processes, with the same weights."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from cllm_gen.bench.peer_weights import peer_weights
from cllm_gen.bench.peers import llama_server
from cllm_gen.machine.errors import RunFailed
from cllm_gen.machine.ports import free_port
from cllm_gen.machine.process import die_with_parent
from cllm_gen.spec.load import load_appliances
from cllm_gen.weights.locate import locate
from tests.differential.answer import ask
from tests.differential.question import get

SLOTS, CONTEXT = 64, 8192
"""As the default appliance has them: sequences at once, and tokens of each."""
_READY_S = 120.0


class LlamaServer:
    """llama.cpp's server over F16 made from the file that ours serves, whose greedy texts agree with
    ours. Started for embeddings it answers nothing else."""

    def __init__(self, root: Path, embeddings: bool):
        shipped = locate(root, load_appliances(root, None)[0].model.weights)
        file = peer_weights(shipped, "f16", root / "build" / "peers" / "weights")
        self.port = free_port()
        words = (
            f"--host 127.0.0.1 --port {self.port} -t 1 -tb 1 -np {SLOTS} -c {CONTEXT} --kv-unified"
        )
        words += " --cache-ram 0 --metrics --alias SmolLM2-135M-Instruct"
        words += " --embeddings --pooling mean" if embeddings else ""
        self._log = (
            root / "build" / "differential" / f"llama-server{'-embeddings' * embeddings}.log"
        )
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [str(llama_server(root)), "-m", str(file), *words.split()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )

    def wait_ready(self) -> None:
        end = time.monotonic() + _READY_S
        while ask(self.port, get("/health")).status != 200:
            if self._process.poll() is not None or time.monotonic() > end:
                raise RunFailed(f"llama-server does not answer /health; it wrote {self._log}")
            time.sleep(0.05)

    def __enter__(self) -> LlamaServer:
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.wait()
