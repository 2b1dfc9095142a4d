"""One peer of the benchmark as a child process: `python peer_worker.py ENGINE MODEL.gguf THREADS`.

Runs in the peers' own environment and imports nothing of this project. Reads one JSON object a line
from stdin and answers with one a line; what libraries print goes to stderr.

    {"prompt": [ids], "answer": n}   -> {"prompt_s", "answer_s", "answered", "own_prompt_s",
                                         "own_answer_s"}; greedy, end tokens do not end it
    {"logits": [ids], "to": path}    -> {"rows": n}; writes float32 logits after every id but the last
                                         as an .npy file of (rows, vocabulary)

`prompt_s` is from the call to the first token, `answer_s` from there to the last, both by this
process's clock; the `own_` fields are the engine's own performance counters.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

CONTEXT = 2048


class Engine(Protocol):
    """What every peer can do."""

    def version(self) -> str: ...
    def generate(self, prompt: list[int], answer: int) -> dict: ...
    def logits(self, tokens: list[int]) -> np.ndarray: ...


class Llama:
    """llama.cpp through its C interface: no Python but one call a token."""

    def __init__(self, path: str, threads: int):
        import llama_cpp

        self.lib = lib = llama_cpp
        lib.llama_backend_init()
        self.model = lib.llama_model_load_from_file(path.encode(), lib.llama_model_default_params())
        if not self.model:
            raise RuntimeError("llama.cpp does not load this file")
        settings = lib.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_ubatch = CONTEXT, 512, 512
        settings.n_threads = settings.n_threads_batch = threads
        settings.no_perf = False
        self.prepare(settings)
        self.context = lib.llama_init_from_model(self.model, settings)
        self.vocabulary = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(self.model))

    def prepare(self, settings) -> None:
        """Changes the settings of a context; here llama.cpp's own are the best for speed."""

    def version(self) -> str:
        has = self.lib.llama_print_system_info().decode().split("|")
        words = [each.split(":")[-1].split("=") for each in has if each.strip().endswith("= 1")]
        sets = ", ".join(name.strip() for name, _ in words)
        return f"llama-cpp-python {self.lib.__version__}; {sets}"

    def _decode(self, tokens: list[int]) -> None:
        array = (self.lib.llama_token * len(tokens))(*tokens)
        if self.lib.llama_decode(self.context, self.lib.llama_batch_get_one(array, len(tokens))):
            raise RuntimeError("llama_decode failed")

    def _likeliest(self) -> int:
        logits = self.lib.llama_get_logits_ith(self.context, -1)
        return int(np.ctypeslib.as_array(logits, (self.vocabulary,)).argmax())

    def _forget(self) -> None:
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.context), True)

    def generate(self, prompt: list[int], answer: int) -> dict:
        self._forget()
        self.lib.llama_perf_context_reset(self.context)
        begun = time.perf_counter()
        for start in range(0, len(prompt), 512):
            self._decode(prompt[start : start + 512])
        token = self._likeliest()
        first = time.perf_counter()
        for _ in range(answer - 1):
            self._decode([token])
            token = self._likeliest()
        last = time.perf_counter()
        own = self.lib.llama_perf_context(self.context)
        return {
            "prompt_s": first - begun,
            "answer_s": last - first,
            "answered": answer,
            "own_prompt_s": own.t_p_eval_ms / 1e3,
            "own_answer_s": own.t_eval_ms / 1e3,
        }

    def logits(self, tokens: list[int]) -> np.ndarray:
        lib = self.lib
        found = np.empty((len(tokens), self.vocabulary), np.float32)
        self._forget()
        for start in range(0, len(tokens), 512):
            part = tokens[start : start + 512]
            batch = lib.llama_batch_init(len(part), 0, 1)
            batch.n_tokens = len(part)
            for i, token in enumerate(part):
                batch.token[i], batch.pos[i], batch.logits[i] = token, start + i, True
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
            if lib.llama_decode(self.context, batch):
                raise RuntimeError("llama_decode failed")
            for i in range(len(part)):
                row = lib.llama_get_logits_ith(self.context, i)
                found[start + i] = np.ctypeslib.as_array(row, (self.vocabulary,))
            lib.llama_batch_free(batch)
        return found


class Exact(Llama):
    """llama.cpp with a cache of F32 and attention in F32; given weights of F32, all is F32."""

    def prepare(self, settings) -> None:
        settings.type_k = settings.type_v = self.lib.GGML_TYPE_F32
        settings.flash_attn_type = self.lib.LLAMA_FLASH_ATTN_TYPE_DISABLED


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
        first, answered = own.get_ttft().mean / 1e3, own.get_num_generated_tokens()
        return {
            "prompt_s": first,
            "answer_s": ended - begun - first,
            "answered": answered,
            "own_prompt_s": first,
            "own_answer_s": own.get_tpot().mean / 1e3 * (answered - 1),
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
