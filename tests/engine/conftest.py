"""The engine over the small model of tests/engine/small, as Python drives it."""

from __future__ import annotations

import ctypes
import itertools
import shutil
from ctypes import c_bool, c_float, c_int, c_int32, c_size_t, c_uint64, c_void_p
from pathlib import Path

import pytest

from tests.engine.sampling import SAMPLER, Drawn, Sampling, Text, build, likeliest
from tests.native import HEAP, METRICS, ROOT, SUPPORT, UNDEFINED, library, with_heap

BLOCK, CONTEXT, VOCABULARY, PAGE = 4, 96, 26, 4096  # tests/engine/small/model.c
STOP, STOP_TEXT, LENGTH, TIME, FAILED, NO_MEMORY, EXPIRED = range(7)
QUEUE_FULL, SHARE_FULL = 2, 3
PLACES, QUEUE, QUEUE_SECONDS, HEARTBEAT_SECONDS = 6, 64, 30, 3  # tests/engine/small/appliance.h
SECOND = 1_000_000_000
SOURCES = [
    *(f"kernel_static/engine/{name}.c" for name in ("engine", "job", "generation", "kv_cache")),
    *(f"kernel_static/engine/{name}.c" for name in ("scheduler", "clients", "draft", "pace")),
    "kernel_static/engine/text_stream.c",
    *SAMPLER,
    *(f"kernel_static/lib/{name}.c" for name in ("buffer", "text", "utf8", "mathematics")),
    "kernel_static/runtime/workers.c",
    *METRICS,
    *HEAP,
    *SUPPORT,
    "tests/engine/small/model.c",
    "tests/model/native_workers.c",
]


_numbers = itertools.count()


class Figures(ctypes.Structure):
    _fields_ = [
        ("prompt_tokens", c_size_t),
        ("cached_tokens", c_size_t),
        ("answer_tokens", c_size_t),
        ("drafted_tokens", c_size_t),
        ("accepted_tokens", c_size_t),
        ("queue_nanoseconds", c_uint64),
        ("prompt_nanoseconds", c_uint64),
        ("answer_nanoseconds", c_uint64),
    ]


class Idle(ctypes.Structure):
    _fields_ = [("blocks", c_size_t), ("kept", c_size_t)]


class Counts(ctypes.Structure):
    _fields_ = [
        ("waiting", c_size_t),
        ("running", c_size_t),
        ("preemptions", c_uint64),
        ("waiting_tokens", c_size_t),
    ]


class Piece(ctypes.Structure):
    _fields_ = [
        ("text", ctypes.POINTER(ctypes.c_char)),
        ("text_count", c_size_t),
        ("token", ctypes.POINTER(Drawn)),
        ("figures", ctypes.POINTER(Figures)),
    ]


class Result(ctypes.Structure):
    _fields_ = [("end", c_int), ("stop", c_size_t), ("figures", Figures)]


PieceCame = ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(Piece))
Progressed = ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(Figures), c_size_t)
Waits = ctypes.CFUNCTYPE(None, c_void_p)
Ended = ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(Result))
Pooled = ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(c_float))


class Events(ctypes.Structure):
    _fields_ = [("piece", PieceCame), ("progress", Progressed), ("waits", Waits), ("ended", Ended)]


class Request(ctypes.Structure):
    _fields_ = [
        ("client", c_uint64),
        ("prompt", ctypes.POINTER(c_int32)),
        ("prompt_tokens", c_size_t),
        ("max_tokens", c_size_t),
        ("min_tokens", c_size_t),
        ("ignore_end", c_bool),
        ("sampling", Sampling),
        ("stops", ctypes.POINTER(Text)),
        ("stop_count", c_size_t),
        ("every_token", c_bool),
        ("answer_nanoseconds", c_uint64),
        ("cache_prompt", c_bool),
        ("continues", c_bool),
        ("events", ctypes.POINTER(Events)),
        ("context", c_void_p),
    ]


class Pooling(ctypes.Structure):
    _fields_ = [
        ("client", c_uint64),
        ("tokens", ctypes.POINTER(c_int32)),
        ("token_count", c_size_t),
        ("done", Pooled),
        ("context", c_void_p),
        ("continues", c_bool),
    ]


class Generation:
    """One submitted generation: its text and tokens so far, and how it ended."""

    def __init__(
        self,
        engine: Engine,
        prompt: list[int],
        most: int,
        cache_prompt: bool,
        stops: tuple[bytes, ...] = (),
        **fields,
    ):
        self.engine, self.prompt, self.most = engine, prompt, most
        self.text, self.end, self.figures, self.stop = "", None, None, None
        self.job, self.waited = c_void_p(), 0
        self.tokens: list[int] = []
        self.likeliest: list[dict[int, float]] = []
        self.progress: list[int] = []
        self.on_piece = lambda: None
        self._events = Events(
            PieceCame(self._came),
            Progressed(lambda _, figures, stored: self.progress.append(stored)),
            Waits(self._waits),
            Ended(self._ended),
        )
        self._stops = (Text * len(stops))(*(Text(stop, len(stop)) for stop in stops))
        request = Request(
            prompt=(c_int32 * len(prompt))(*prompt),
            prompt_tokens=len(prompt),
            max_tokens=most,
            stops=self._stops,
            stop_count=len(stops),
            events=ctypes.pointer(self._events),
            cache_prompt=cache_prompt,
            **fields,
        )
        self.refused = engine.lib.engine_submit(ctypes.byref(request), ctypes.byref(self.job))

    def _came(self, _context, piece):
        piece = piece.contents
        self.text += piece.text[: piece.text_count].decode()
        if piece.token:
            self.tokens.append(piece.token.contents.token)
            self.likeliest.append(likeliest(piece.token.contents))
        self.on_piece()

    def _waits(self, _context):
        self.waited += 1

    def _ended(self, _context, result):
        result = result.contents
        self.end, self.stop = result.end, result.stop
        self.figures = {name: getattr(result.figures, name) for name, _ in Figures._fields_}

    def cancel(self) -> None:
        self.engine.lib.engine_cancel(self.job)


class Engine:
    def __init__(self, lib: ctypes.CDLL):
        self.lib = lib
        lib.kv_cache_idle.restype = Idle
        lib.scheduler_counts.restype = Counts
        lib.kv_cache_blocks.restype = lib.pace_rows.restype = c_size_t
        lib.pace_rows.argtypes = [c_size_t]
        lib.pace_cost.restype, lib.pace_cost.argtypes = c_uint64, [c_size_t]
        lib.engine_poll.restype = c_bool
        lib.test_mix.restype = c_uint64
        lib.test_mix.argtypes = [c_uint64, c_int32]
        lib.test_next.argtypes = [c_uint64]

    def number(self, name: str, kind=c_size_t):
        return kind.in_dll(self.lib, name)

    def poll(self, slices: int = 1 << 20) -> None:
        while slices and self.lib.engine_poll():
            slices -= 1

    def submit(
        self, prompt: list[int], most: int = 8, cache_prompt: bool = True, **fields
    ) -> Generation:
        return Generation(self, prompt, most, cache_prompt, **fields)

    def answer(self, *arguments, **fields) -> Generation:
        generation = self.submit(*arguments, **fields)
        self.poll()
        return generation

    def embed(self, tokens: list[int]) -> list[float] | None:
        vectors = []
        done = Pooled(lambda _, vector: vectors.append(vector[:4] if vector else None))
        request = Pooling(0, (c_int32 * len(tokens))(*tokens), len(tokens), done, None, False)
        assert self.lib.engine_embed(ctypes.byref(request), ctypes.byref(c_void_p())) == 0
        self.poll()
        return vectors[0]

    def expected(self, prompt: list[int], most: int) -> str:
        """What the model says to the prompt, without any cache."""
        digest, text = 0, ""
        forgetful = self.number("test_forgetful", c_bool).value
        for token in prompt:
            digest = self.lib.test_mix(0 if forgetful else digest, token)
        for _ in range(min(most, CONTEXT - len(prompt))):
            token = self.lib.test_next(digest)
            if token == 0:
                break
            text += "abcdefghijklmnopqrstuvwxyz"[token]
            digest = self.lib.test_mix(0 if forgetful else digest, token)
        return text

    @property
    def counts(self) -> Counts:
        return self.lib.scheduler_counts()

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
        lib.engine_start(True)
        made.poll(2)
        return made

    return engine


@pytest.fixture(scope="session")
def sampler_library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("sampler"))


@pytest.fixture(scope="session")
def sampler(sampler_library):
    """The sampler alone, without an engine."""
    return with_heap(ctypes.CDLL(str(sampler_library)))
