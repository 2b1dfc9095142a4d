"""The engine over the small model of tests/engine/small, as Python drives it."""

from __future__ import annotations

import ctypes
import itertools
import shutil
from ctypes import c_bool, c_float, c_int, c_int32, c_size_t, c_uint64, c_void_p
from pathlib import Path

import pytest

from tests.native import HEAP, METRICS, ROOT, SUPPORT, UNDEFINED, library

BLOCK, CONTEXT, VOCABULARY, PAGE = 4, 96, 26, 4096  # tests/engine/small/model.c
STOP, LENGTH, FAILED = range(3)
SOURCES = [
    *(f"kernel_static/engine/{name}.c" for name in ("engine", "job", "kv_cache", "pace")),
    *(f"kernel_static/engine/{name}.c" for name in ("sampler", "logits", "random", "text_stream")),
    *(f"kernel_static/lib/{name}.c" for name in ("buffer", "text", "utf8", "mathematics")),
    "kernel_static/runtime/workers.c",
    *METRICS,
    *HEAP,
    *SUPPORT,
    "tests/engine/small/model.c",
    "tests/model/native_workers.c",
]


_numbers = itertools.count()


class Sampling(ctypes.Structure):
    _fields_ = [
        ("temperature", c_float),
        ("top_k", ctypes.c_uint32),
        ("top_p", c_float),
        ("min_p", c_float),
        ("seed", c_uint64),
    ]


class Figures(ctypes.Structure):
    _fields_ = [
        ("prompt_tokens", c_size_t),
        ("cached_tokens", c_size_t),
        ("answer_tokens", c_size_t),
        ("prompt_nanoseconds", c_uint64),
        ("answer_nanoseconds", c_uint64),
    ]


class Idle(ctypes.Structure):
    _fields_ = [("blocks", c_size_t), ("kept", c_size_t)]


TextCame = ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(ctypes.c_char), c_size_t)
Ended = ctypes.CFUNCTYPE(None, c_void_p, c_int, ctypes.POINTER(Figures))
Pooled = ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(c_float))


class Events(ctypes.Structure):
    _fields_ = [("text", TextCame), ("ended", Ended)]


class Request(ctypes.Structure):
    _fields_ = [
        ("prompt", ctypes.POINTER(c_int32)),
        ("prompt_tokens", c_size_t),
        ("max_tokens", c_size_t),
        ("sampling", Sampling),
        ("stops", c_void_p),
        ("stop_count", c_size_t),
        ("events", ctypes.POINTER(Events)),
        ("context", c_void_p),
        ("cache_prompt", c_bool),
        ("continues", c_bool),
    ]


class Pooling(ctypes.Structure):
    _fields_ = [
        ("tokens", ctypes.POINTER(c_int32)),
        ("token_count", c_size_t),
        ("done", Pooled),
        ("context", c_void_p),
        ("continues", c_bool),
    ]


class Generation:
    """One submitted generation: its text so far, and how it ended."""

    def __init__(self, engine: Engine, prompt: list[int], most: int, cache_prompt: bool):
        self.engine, self.prompt, self.most = engine, prompt, most
        self.text, self.end, self.figures, self.job = "", None, None, c_void_p()
        self._events = Events(TextCame(self._came), Ended(self._ended))
        request = Request(
            prompt=(c_int32 * len(prompt))(*prompt),
            prompt_tokens=len(prompt),
            max_tokens=most,
            events=ctypes.pointer(self._events),
            cache_prompt=cache_prompt,
        )
        self.refused = engine.lib.engine_submit(ctypes.byref(request), ctypes.byref(self.job))

    def _came(self, _context, data, count):
        self.text += data[:count].decode()

    def _ended(self, _context, end, figures):
        self.end = end
        self.figures = {name: getattr(figures.contents, name) for name, _ in Figures._fields_}

    def cancel(self) -> None:
        self.engine.lib.engine_cancel(self.job)


class Engine:
    def __init__(self, lib: ctypes.CDLL):
        self.lib = lib
        lib.kv_cache_idle.restype = Idle
        lib.kv_cache_blocks.restype = lib.pace_rows.restype = c_size_t
        lib.engine_poll.restype = c_bool
        lib.test_mix.restype = c_uint64
        lib.test_mix.argtypes = [c_uint64, c_int32]
        lib.test_next.argtypes = [c_uint64]

    def number(self, name: str, kind=c_size_t):
        return kind.in_dll(self.lib, name)

    def poll(self, slices: int = 1 << 20) -> None:
        while slices and self.lib.engine_poll():
            slices -= 1

    def submit(self, prompt: list[int], most: int = 8, cache_prompt: bool = True) -> Generation:
        return Generation(self, prompt, most, cache_prompt)

    def answer(self, *arguments, **fields) -> Generation:
        generation = self.submit(*arguments, **fields)
        self.poll()
        return generation

    def embed(self, tokens: list[int]) -> list[float] | None:
        vectors = []
        done = Pooled(lambda _, vector: vectors.append(vector[:4] if vector else None))
        request = Pooling((c_int32 * len(tokens))(*tokens), len(tokens), done, None, False)
        assert self.lib.engine_embed(ctypes.byref(request), ctypes.byref(c_void_p())) == 0
        self.poll()
        return vectors[0]

    def expected(self, prompt: list[int], most: int) -> str:
        """What the model says to the prompt, without any cache."""
        digest, text = 0, ""
        for token in prompt:
            digest = self.lib.test_mix(digest, token)
        for _ in range(min(most, CONTEXT - len(prompt))):
            token = self.lib.test_next(digest)
            if token == 0:
                break
            text += "abcdefghijklmnopqrstuvwxyz"[token]
            digest = self.lib.test_mix(digest, token)
        return text

    @property
    def idle(self) -> tuple[int, int]:
        """Blocks that no job holds, and how many of them are kept."""
        idle = self.lib.kv_cache_idle()
        return idle.blocks, idle.kept

    @property
    def blocks(self) -> int:
        return self.lib.kv_cache_blocks()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    small = f"-I{ROOT / 'tests/engine/small'}"
    lib = library(tmp_path_factory.mktemp("engine"), SOURCES, [*UNDEFINED, "-DDEBUG", small])
    return Path(lib._name)


@pytest.fixture
def started(compiled, tmp_path):
    """A function from a number of KV blocks to a new engine that has so many."""

    def engine(blocks: int) -> Engine:
        heap, own = (
            1 << 20,
            tmp_path / f"engine-{next(_numbers)}.so",
        )  # loaded apart from the others
        shutil.copy(compiled, own)
        lib = ctypes.CDLL(str(own))
        lib.test_start_memory(c_size_t(heap + PAGE * (2 + blocks)), c_size_t(heap))
        made = Engine(lib)
        lib.engine_start()
        made.poll(2)
        return made

    return engine
