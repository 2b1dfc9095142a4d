"""Strings for comparing tokenizers: every script, code, white space, emoji, bytes that are not
UTF-8, special tokens in odd places, long runs. The same strings every time."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path

from cllm_gen import unicode

ROOT = Path(__file__).resolve().parent.parent.parent
SPACES = [chr(c) for c in range(0x3001) if unicode.category(chr(c)) in unicode.WHITE_SPACE]
SPECIALS = [
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<repo_name>",
    "<file_sep>",
    "<jupyter_code>",
]
EMOJI = ["👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇫🇷", "1️⃣", "☺️", "🧑🏿‍🚀", "❤️‍🔥", "😀"]
WORDS = "the it's I'll We've DON'T 's 'S 'll don't naïve Größe Ωμέγα привет 東京 สวัสดี नमस्ते שלום مرحبا 안녕 x_1 3.14 ½ Ⅻ ٣٤ 1st".split()
# New in Unicode 17: the reference knows them as digits in one of its two passes, not in the other.
TOO_NEW = frozenset([*range(0x11DE0, 0x11DEA), *range(0x16FF4, 0x16FF7)])


def assigned() -> list[str]:
    """Every assigned character but surrogates and private use."""
    table = unicode.categories()
    skipped = {unicode.CATEGORIES.index(name) for name in ("Cn", "Cs", "Co")}
    return [
        chr(c) for c in range(unicode.CODE_POINTS) if table[c] not in skipped and c not in TOO_NEW
    ]


def scripts() -> list[bytes]:
    """Runs of neighbouring characters, with each of them once, and mixtures."""
    rng, characters = random.Random(1), assigned()
    runs = [characters[i : i + 24] for i in range(0, len(characters), 24)]
    found = ["".join(run) for run in runs]
    for run in rng.sample(runs, 3000):
        parts = [rng.choice(run) * rng.choice((1, 1, 2, 5)) for _ in range(12)]
        found.append(
            "".join(part + rng.choice(["", "", " ", "1", "'s", "-", "\n"]) for part in parts)
        )
    found += ["".join(rng.sample(characters, 30)) for _ in range(500)]
    found += [unicodedata.normalize("NFD", text) for text in rng.sample(found, 300)]
    return [text.encode() for text in found]


def blanks() -> list[bytes]:
    rng = random.Random(2)
    parts = [*SPACES, " ", "  ", "\n", "\r\n", "\t", "a", "é", "7", "!", "'s", "\x1c", "\u200b"]
    return ["".join(rng.choices(parts, k=rng.randint(1, 14))).encode() for _ in range(2500)]


def prose() -> list[bytes]:
    rng = random.Random(3)
    parts = WORDS + EMOJI + SPACES[:6] + list("!?.,;:'\"()[]{}<>|/\\@#$%^&*-_=+~`0123456789")
    return [
        "".join(rng.choice(parts) + rng.choice(["", " "]) for _ in range(20)).encode()
        for _ in range(2000)
    ]


def code() -> list[bytes]:
    """This project's own sources, in lines and whole."""
    files = [
        *sorted((ROOT / "cllm_gen").rglob("*.py")),
        *sorted((ROOT / "kernel_static/include").glob("*.h")),
    ]
    texts = [file.read_bytes() for file in files]
    lines = [line for text in texts for line in text.splitlines(keepends=True)]
    return texts + random.Random(4).sample(lines, 1500)


def damaged() -> list[bytes]:
    """Bytes that are not UTF-8: random, cut short, overlong, surrogates, above U+10FFFF."""
    rng = random.Random(5)
    found = [rng.randbytes(rng.randint(1, 40)) for _ in range(800)]
    odd = [
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf5",
        b"\xff",
        b"\x80",
        b"\xf0\x9f",
        b"\xe2\x82",
        b"\xc3",
        b"\xf1\x80\x80",
        b"\xe2\x82\xac",
        b"\xef\xbf\xbd",
        b"<|im_end|>",
        b" ",
        b"a",
    ]
    found += [b"".join(rng.choices(odd, k=rng.randint(1, 8))) for _ in range(800)]
    for text in prose()[:200]:
        at = rng.randrange(len(text))
        found.append(text[:at] + text[at + 1 :])
    return found


def marked() -> list[bytes]:
    """Special tokens whole, broken and nested in each other."""
    rng = random.Random(6)
    parts = SPECIALS * 3 + [
        "<|im_",
        "end|>",
        "<",
        "|",
        ">",
        "<|",
        "|>",
        "<<|im_end|>>",
        " ",
        "\n",
        "a",
        "1",
        "é",
    ]
    return ["".join(rng.choices(parts, k=rng.randint(1, 10))).encode() for _ in range(1500)]


def long_runs() -> list[bytes]:
    rng = random.Random(7)
    letters = "".join(rng.choices("etaoinshrdlu", k=20000))
    runs = [
        "a",
        " ",
        "ab",
        "\n",
        "0",
        "=",
        "é",
        "한",
        "😀",
        "the",
        " the",
        "\t ",
        "<|im_end|>",
        "\u0301",
    ]
    return [(run * (20000 // len(run))).encode() for run in runs] + [letters.encode()]


def everything() -> list[bytes]:
    return scripts() + blanks() + prose() + code() + damaged() + marked() + long_runs()
