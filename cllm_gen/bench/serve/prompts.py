"""Prompts of so many words, a different one each time."""

from __future__ import annotations

import random
import re

from cllm_gen.bench.contest import passage

LONGEST_WORD = 8  # letters: common words, most of which are one token


class Prompts:
    """An endless supply. Words are drawn anew for each prompt, so no two begin alike; the same seed
    gives the same ones."""

    def __init__(self, seed: int):
        found = re.findall(r"[a-z]+", passage().lower())
        self._words = sorted({word for word in found if len(word) <= LONGEST_WORD})
        self._random = random.Random(seed)

    def draw(self, words: int) -> str:
        return " ".join(self._random.choices(self._words, k=words))
