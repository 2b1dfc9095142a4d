"""The sampler as Python drives it: rules by name, and what a chain leaves as probabilities."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Sequence
from ctypes import c_bool, c_float, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tests.native import HEAP, SUPPORT, UNDEFINED, library

ALL = 2**64 - 1
"""As many tokens as there are, for `repeat_last_n` and `dry_last_n`."""
RULES = ("penalties dry top_n_sigma top_k typical_p top_p min_p xtc temperature").split()
"""As enum sampler_rule numbers them."""
SAMPLER = [
    *(f"kernel_static/engine/{name}.c" for name in ("sampler", "sampler_rules", "sampler_dry")),
    *(f"kernel_static/engine/{name}.c" for name in ("sampler_penalties", "sampler_mirostat")),
    *(f"kernel_static/engine/{name}.c" for name in ("candidates", "candidates_keep")),
    *(f"kernel_static/engine/{name}.c" for name in ("candidates_choice", "likelihoods")),
    *(f"kernel_static/engine/{name}.c" for name in ("logits", "random")),
]
SOURCES = [
    *SAMPLER,
    "kernel_static/lib/mathematics.c",
    "kernel_static/runtime/workers.c",
    *HEAP,
    *SUPPORT,
    "tests/engine/sampler_words.c",
    "tests/model/native_workers.c",
]


class Text(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_char_p), ("count", c_size_t)]


class Bias(ctypes.Structure):
    _fields_ = [("token", c_int32), ("bias", c_float)]


class Likelihood(ctypes.Structure):
    _fields_ = [("token", c_int32), ("log_probability", c_float)]


class Drawn(ctypes.Structure):
    _fields_ = [
        ("token", c_int32),
        ("log_probability", c_float),
        ("likeliest", ctypes.POINTER(Likelihood)),
        ("likeliest_count", c_size_t),
    ]


class Sampling(ctypes.Structure):
    _fields_ = [
        ("seed", c_uint64),
        ("temperature", c_float),
        ("dynatemp_range", c_float),
        ("dynatemp_exponent", c_float),
        ("top_k", c_uint32),
        ("top_p", c_float),
        ("min_p", c_float),
        ("typical_p", c_float),
        ("top_n_sigma", c_float),
        ("xtc_probability", c_float),
        ("xtc_threshold", c_float),
        ("min_keep", c_size_t),
        ("repeat_last_n", c_size_t),
        ("repeat_penalty", c_float),
        ("presence_penalty", c_float),
        ("frequency_penalty", c_float),
        ("dry_multiplier", c_float),
        ("dry_base", c_float),
        ("dry_allowed_length", c_uint32),
        ("dry_last_n", c_size_t),
        ("dry_breakers", ctypes.POINTER(Text)),
        ("dry_breaker_count", c_size_t),
        ("mirostat", ctypes.c_uint),
        ("mirostat_tau", c_float),
        ("mirostat_eta", c_float),
        ("biases", ctypes.POINTER(Bias)),
        ("bias_count", c_size_t),
        ("chain", ctypes.POINTER(ctypes.c_uint)),
        ("chain_count", c_size_t),
        ("likelihoods", c_bool),
        ("likeliest", c_uint32),
        ("after_the_chain", c_bool),
    ]


class Row(ctypes.Structure):
    _fields_ = [
        ("logits", c_void_p),
        ("count", c_size_t),
        ("tokens", c_void_p),
        ("token_count", c_size_t),
        ("forbid_end", c_bool),
    ]


def rules_of(
    biases: Sequence[tuple[int, float]] = (),
    breakers: Sequence[bytes] = (),
    chain: Sequence[str] | None = None,
    **rules: Any,
) -> Sampling:
    """Rules that change nothing but for those that are given."""
    made = Sampling(**{"temperature": 1, "top_p": 1, "dynatemp_exponent": 1} | rules)
    made.biases, made.bias_count = (Bias * len(biases))(*(Bias(*each) for each in biases)), len(
        biases
    )
    texts = [Text(each, len(each)) for each in breakers]
    made.dry_breakers, made.dry_breaker_count = (Text * len(texts))(*texts), len(texts)
    if chain is not None:
        numbers = [RULES.index(rule) for rule in chain]
        made.chain, made.chain_count = (ctypes.c_uint * max(1, len(numbers)))(*numbers), len(chain)
    return made


class Sampler:
    """One sequence's sampler in a loaded library."""

    def __init__(self, lib: ctypes.CDLL, rules: Sampling):
        self.lib, self._state = lib, (c_uint64 * 128)()
        self.started = bool(lib.sampler_start(self._state, ctypes.byref(rules)))

    def next(
        self, logits: ArrayLike, tokens: Sequence[int] = (0,), forbid_end: bool = False
    ) -> Drawn:
        """A draw, whose logits must come back as they went in."""
        values = np.array(logits, np.float32)
        before, count = values.tobytes(), len(values)
        size = self.lib.sampler_scratch(c_size_t(count), c_size_t(len(tokens)))
        scratch = np.full(size // 8 + 1, -1, np.int64)
        history = (c_int32 * len(tokens))(*tokens)
        row = Row(values.ctypes.data, count, ctypes.addressof(history), len(tokens), forbid_end)
        drawn = Drawn()
        token = self.lib.sampler_draw(
            self._state, ctypes.byref(row), scratch.ctypes.data_as(c_void_p), ctypes.byref(drawn)
        )
        assert values.tobytes() == before and token == drawn.token
        return drawn

    def draw(self, logits: ArrayLike, *arguments: Any, **named: Any) -> int:
        return int(self.next(logits, *arguments, **named).token)

    def release(self) -> None:
        self.lib.sampler_release(self._state)


def likeliest(drawn: Drawn) -> dict[int, float]:
    """Log probabilities by token, in the order told."""
    told = drawn.likeliest[: drawn.likeliest_count]
    assert all(a.log_probability >= b.log_probability for a, b in itertools.pairwise(told))
    return {each.token: each.log_probability for each in told}


def left(drawn: Drawn, count: int) -> NDArray[np.float64]:
    """Probabilities after the chain, of all tokens; the draw must tell of all."""
    told = likeliest(drawn)
    assert len(told) == count and drawn.log_probability == told[drawn.token] > -np.inf
    return np.exp([told[token] for token in range(count)])


def build(folder: Path) -> Path:
    return Path(library(folder, SOURCES, [*UNDEFINED, "-DDEBUG"])._name)
