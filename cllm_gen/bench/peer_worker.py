"""One peer of the benchmark as a child process: `python peer_worker.py ENGINE MODEL.gguf THREADS`.

Runs in the peers' own environment and imports nothing of this project. Reads one JSON object a line
from stdin and answers with one a line; what libraries print goes to stderr.

    {"prompt": [ids], "answer": n}   -> {"prompt_s", "answer_s", "answered"}; greedy, end tokens do
                                         not end it
    {"logits": [ids], "to": path}    -> {"rows": n}; writes float32 logits after every id but the last
                                         as an .npy file of (rows, vocabulary)

`prompt_s` is from the call to the first token, `answer_s` from there to the last, both by this
process's clock.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import numpy as np

CONTEXT = 2048
BATCH = 512  # tokens that llama.cpp and its fork take at once


class Engine(Protocol):
    """What every peer can do."""

    def version(self) -> str: ...
    def generate(self, prompt: list[int], answer: int) -> dict: ...
    def logits(self, tokens: list[int]) -> np.ndarray: ...


class Llama:
    """llama.cpp through its C interface: no Python but one call a token."""

    def __init__(self, path: str, threads: int):
        self.lib = lib = self.library()
        lib.llama_backend_init()
        self.model = lib.llama_model_load_from_file(path.encode(), lib.llama_model_default_params())
        if not self.model:
            raise RuntimeError(f"{self.name} does not load this file")
        settings = lib.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_ubatch = CONTEXT, BATCH, BATCH
        settings.n_threads = settings.n_threads_batch = threads
        self.prepare(settings)
        self.context = lib.llama_init_from_model(self.model, settings)
        self.vocabulary = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(self.model))
        self.batch = lib.llama_batch_init(BATCH, 0, 1)

    name = "llama.cpp"

    def library(self) -> Any:
        import llama_cpp

        return llama_cpp

    def prepare(self, settings) -> None:
        """Changes the settings of a context; here llama.cpp's own are the best for speed."""

    def version(self) -> str:
        has = self.lib.llama_print_system_info().decode().split("|")
        words = [each.split(":")[-1].split("=") for each in has if each.strip().endswith("= 1")]
        sets = ", ".join(name.strip() for name, _ in words)
        return f"llama-cpp-python {self.lib.__version__}; {sets}"

    def _decode(self, tokens: list[int], first: int, every: bool = False) -> None:
        """At positions from `first`; with logits of the last token, or of every one."""
        batch = self.batch
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i] = token, first + i
            batch.logits[i] = every or i == len(tokens) - 1
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
        if self.lib.llama_decode(self.context, batch):
            raise RuntimeError("llama_decode failed")

    def _row(self, index: int) -> np.ndarray:
        logits = self.lib.llama_get_logits_ith(self.context, index)
        return np.ctypeslib.as_array(logits, (self.vocabulary,))

    def _forget(self) -> None:
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.context), True)

    def generate(self, prompt: list[int], answer: int) -> dict:
        self._forget()
        begun = time.perf_counter()
        for start in range(0, len(prompt), BATCH):
            self._decode(prompt[start : start + BATCH], start)
        token = int(self._row(-1).argmax())
        first = time.perf_counter()
        for position in range(len(prompt), len(prompt) + answer - 1):
            self._decode([token], position)
            token = int(self._row(-1).argmax())
        last = time.perf_counter()
        return {"prompt_s": first - begun, "answer_s": last - first, "answered": answer}

    def logits(self, tokens: list[int]) -> np.ndarray:
        found = np.empty((len(tokens), self.vocabulary), np.float32)
        self._forget()
        for start in range(0, len(tokens), BATCH):
            part = tokens[start : start + BATCH]
            self._decode(part, start, every=True)
            for i in range(len(part)):
                found[start + i] = self._row(i)
        return found


class Exact(Llama):
    """llama.cpp with a cache of F32 and attention in F32; given weights of F32, all is F32."""

    def prepare(self, settings) -> None:
        settings.type_k = settings.type_v = self.lib.GGML_TYPE_F32
        settings.flash_attn_type = self.lib.LLAMA_FLASH_ATTN_TYPE_DISABLED


class Ik(Llama):
    """ik_llama.cpp, a fork of llama.cpp with kernels of its own and an older interface."""

    name = "ik_llama.cpp"

    def library(self) -> Any:
        import ik_llama_cpp._ctypes_api

        return ik_llama_cpp._ctypes_api

    def prepare(self, settings) -> None:
        settings.flash_attn = True  # far slower without; its package asks for it too

    def version(self) -> str:
        return f"ik-llama-cpp-python {metadata.version('ik-llama-cpp-python')}"

    def _forget(self) -> None:
        self.lib.llama_kv_cache_clear(self.context)


class OpenVino:
    """OpenVINO GenAI, which reads the GGUF itself."""

    def __init__(self, path: str, threads: int):
        import openvino
        import openvino_genai

        self.openvino, self.genai = openvino, openvino_genai
        self.path, self.settings = path, {"INFERENCE_NUM_THREADS": threads}
        self.pipeline = openvino_genai.LLMPipeline(path, "CPU", **self.settings)
        self.request: Any = None

    def version(self) -> str:
        return f"openvino-genai {self.genai.__version__}"

    def generate(self, prompt: list[int], answer: int) -> dict:
        settings = self.genai.GenerationConfig()
        settings.max_new_tokens, settings.do_sample, settings.ignore_eos = answer, False, True
        settings.apply_chat_template = False
        ids = np.array([prompt], np.int64)
        inputs = self.genai.TokenizedInputs(
            self.openvino.Tensor(ids), self.openvino.Tensor(np.ones_like(ids))
        )
        begun = time.perf_counter()
        result = self.pipeline.generate(inputs, settings)
        ended = time.perf_counter()
        own = result.perf_metrics
        first = own.get_ttft().mean / 1e3
        return {
            "prompt_s": first,
            "answer_s": ended - begun - first,
            "answered": own.get_num_generated_tokens(),
        }

    def logits(self, tokens: list[int]) -> np.ndarray:
        if self.request is None:
            self.request = self._compiled()
        self.request.reset_state()
        ids = np.array([tokens], np.int64)
        inputs = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "position_ids": np.arange(ids.size, dtype=np.int64)[None],
            "beam_idx": np.zeros(1, np.int32),
        }
        return self.request.infer(inputs)["logits"][0]

    def _compiled(self):
        """The model that GenAI makes of the file, compiled with the same settings. A pipeline keeps
        logits of the last position only; the model, which it saves beside the file, gives all."""
        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder) / "model.gguf"
            link.symlink_to(self.path)
            self.genai.LLMPipeline(str(link), "CPU", enable_save_ov_model=True, **self.settings)
            model = self.openvino.Core().read_model(link.with_name("openvino_model.xml"))
            return self.openvino.compile_model(model, "CPU", self.settings).create_infer_request()


ENGINES: dict[str, Callable[[str, int], Engine]] = {
    "llama": Llama,
    "llama-exact": Exact,
    "ik": Ik,
    "openvino": OpenVino,
}


def main(name: str, path: str, threads: str) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def reply(**fields) -> None:
        answers.write(json.dumps(fields) + "\n")

    try:
        engine = ENGINES[name](path, int(threads))
        reply(version=engine.version())
    except Exception as error:
        reply(error=f"{type(error).__name__}: {error}")
        return
    for line in sys.stdin:
        question = json.loads(line)
        try:
            if "logits" in question:
                rows = engine.logits(question["logits"])[:-1]
                np.save(question["to"], rows)
                reply(rows=len(rows))
            else:
                reply(**engine.generate(question["prompt"], question["answer"]))
        except Exception as error:
            reply(error=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
