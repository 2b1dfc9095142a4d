"""The "tokenizer" section of the packed image: vocabulary, merges or ranks with their hash tables,
and Unicode categories, in the layout of `kernel_static/engine/tokenizer_tables.h`."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import numpy as np

from cllm_gen import unicode
from cllm_gen.weights import tokenizer_vocabulary as vocabulary
from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.gguf_file import GgufFile
from cllm_gen.weights.tokenizer_vocabulary import HIDDEN, LITERAL, ORDINARY, SPECIAL, field

MAGIC, VERSION = b"CLLMTOKN", 2
NO_MERGE = NO_TOKEN = 0xFFFFFFFF
BY_SCORE, LEADING_SPACE, WHOLE_PIECES = 1, 2, 4  # the header's rules
ARRAYS = (
    "offsets bytes kinds texts byte_tokens merges slots ranks before_space ends pages rows".split()
)


def slot_of(left: int, right: int, slots: int) -> int:
    """Where the search for a pair begins; the C side's `tokenizer_slot`."""
    mixed = ((left * 0x9E3779B1) ^ (right * 0x85EBCA77)) & 0xFFFFFFFF
    return (mixed ^ mixed >> 15) & (slots - 1)


def hashes(spellings: list[bytes]) -> np.ndarray:
    """FNV-1a of each text; the C side's `tokenizer_hash`, one byte after another."""
    lengths = np.array([len(text) for text in spellings])
    starts = np.cumsum(lengths) - lengths
    data = np.frombuffer(b"".join(spellings) + b"\0", np.uint8).astype(np.uint64)
    found = np.full(len(spellings), 0x811C9DC5, np.uint64)
    for i in range(int(lengths.max(initial=0))):
        longer = lengths > i
        found[longer] = (
            (found[longer] ^ data[starts[longer] + i]) * np.uint64(0x01000193)
        ) & np.uint64(0xFFFFFFFF)
    return found


def merge_tables(merges: list[str], ids: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Merges by rank (left, right, result), and ranks by hash slot."""
    rows: list[tuple[int, int, int]] = []
    seen: dict[tuple[int, int], int] = {}
    for rank, text in enumerate(merges):
        left, _, right = text.partition(" ")
        if left not in ids or right not in ids or left + right not in ids:
            raise ModelFileError(
                f"merge {rank}, {text!r}, names a token that is not in the vocabulary"
            )
        pair = (ids[left], ids[right])
        if seen.setdefault(pair, rank) != rank:
            raise ModelFileError(f"merge {rank}, {text!r}, repeats merge {seen[pair]}")
        rows.append((*pair, ids[left + right]))
    slots = np.full(1 << (2 * len(rows) + 1).bit_length(), NO_MERGE, np.uint32)
    for rank, (first, second, _) in enumerate(rows):
        slot = slot_of(first, second, len(slots))
        while slots[slot] != NO_MERGE:
            slot = (slot + 1) % len(slots)
        slots[slot] = rank
    return np.array(rows, np.int32).reshape(-1, 3), slots


def text_table(spellings: list[bytes], kinds: list[int], wanted: tuple[int, ...]) -> np.ndarray:
    """Tokens of the wanted kinds by the hash slots of their texts. Of two with one text, the kind
    that is wanted first is found."""
    order = sorted(
        (token for token, kind in enumerate(kinds) if kind in wanted and spellings[token]),
        key=lambda token: wanted.index(kinds[token]),
    )
    mixed = hashes(spellings)
    first = (mixed ^ mixed >> np.uint64(15)).tolist()
    slots, placed = [NO_TOKEN] * (1 << (2 * len(order) + 1).bit_length()), set()
    for token in order:
        if spellings[token] in placed:
            continue
        placed.add(spellings[token])
        slot = first[token] & (len(slots) - 1)
        while slots[slot] != NO_TOKEN:
            slot = (slot + 1) % len(slots)
        slots[slot] = token
    return np.array(slots, np.uint32)


def score_ranks(scores: list[float], kinds: list[int]) -> np.ndarray:
    """The order in which ordinary tokens are made, best score first; equal scores, equal ranks."""
    better = sorted({score for score, kind in zip(scores, kinds) if kind == ORDINARY}, reverse=True)
    rank = {score: i for i, score in enumerate(better)}
    ranks = [rank[score] if kind == ORDINARY else NO_MERGE for score, kind in zip(scores, kinds)]
    return np.array(ranks, np.uint32)


def before_space(spellings: list[bytes], kinds: list[int]) -> np.ndarray:
    """For each byte but the space, 1 if an ordinary token has it and then a space."""
    found = np.zeros(256, np.uint8)
    for spelling, kind in zip(spellings, kinds):
        if kind == ORDINARY and b" " in spelling[1:]:
            for byte, after in itertools.pairwise(spelling):
                found[byte] |= after == ord(" ") and byte != ord(" ")
    return found


def check_spec(file: GgufFile, tokenizer, tokens: list[str]) -> None:
    """The spec and the file must agree on what the generated code was made for."""
    kind = field(file, "tokenizer.ggml.model")
    if kind != tokenizer.kind:
        raise ModelFileError(
            f"{file.path.name}: the tokenizer is {kind!r}, in the spec {tokenizer.kind!r}"
        )
    for token, text in (
        (tokenizer.beginning, tokenizer.beginning_text),
        (tokenizer.end, tokenizer.end_text),
    ):
        if token is None:
            continue
        found = repr(tokens[token]) if token < len(tokens) else "not there"
        if found != repr(text):
            raise ModelFileError(
                f"{file.path.name}: token {token} is {found}, in the spec {text!r}"
            )
    beyond = [token for token in tokenizer.ends if not 0 <= token < len(tokens)]
    if beyond:
        raise ModelFileError(
            f"{file.path.name}: there is no token {beyond[0]}, which the spec's `ends` has"
        )


def tokenizer_section(gguf_path: Path | str, model) -> bytes:
    """The section for one model spec and its weight file."""
    return section_of(GgufFile(Path(gguf_path)), model)


def section_of(file: GgufFile, model) -> bytes:
    """The same for a file that is open."""
    tokenizer = model.tokenizer
    tokens = field(file, "tokenizer.ggml.tokens", each=str)
    types = field(file, "tokenizer.ggml.token_type", each=int)
    if len(types) != len(tokens) or not tokens:
        raise ModelFileError(
            f"{file.path.name}: {len(tokens)} tokens, but the types of {len(types)}"
        )
    check_spec(file, tokenizer, tokens)
    by_score = tokenizer.kind == "llama"
    read = vocabulary.by_score if by_score else vocabulary.byte_level
    spellings, kinds, byte_tokens = read(tokens, types)
    wanted = (SPECIAL, LITERAL, ORDINARY) if by_score or tokenizer.whole_pieces else (SPECIAL,)
    offsets = np.cumsum([0] + [len(spelling) for spelling in spellings])
    pages, rows = unicode.pages()
    arrays: dict[str, np.ndarray] = {
        "offsets": offsets.astype(np.uint32),
        "bytes": np.frombuffer(b"".join(spellings), np.uint8),
        "kinds": np.array(kinds, np.uint8),
        "texts": text_table(spellings, kinds, wanted),
        "byte_tokens": np.array(byte_tokens, np.int32),
        "ends": np.array(sorted({tokenizer.end, *tokenizer.ends}), np.int32),
        "pages": np.array(pages, np.uint16),
        "rows": np.frombuffer(rows, np.uint8),
    }
    if by_score:
        scores = field(file, "tokenizer.ggml.scores", each=float)
        if len(scores) != len(tokens):
            raise ModelFileError(
                f"{file.path.name}: {len(tokens)} tokens, but the scores of {len(scores)}"
            )
        arrays["merges"], arrays["slots"] = merge_tables([], {})
        arrays["ranks"] = score_ranks(scores, kinds)
        arrays["before_space"] = before_space(spellings, kinds)
    else:
        ordinary = {token: i for i, token in enumerate(tokens) if kinds[i] == ORDINARY}
        merges = field(file, "tokenizer.ggml.merges", each=str)
        arrays["merges"], arrays["slots"] = merge_tables(merges, ordinary)
        arrays["ranks"], arrays["before_space"] = np.zeros(0, np.uint32), np.zeros(0, np.uint8)
    rules = by_score * BY_SCORE
    rules |= tokenizer.add_space_prefix * LEADING_SPACE | tokenizer.whole_pieces * WHOLE_PIECES
    beginning = tokenizer.beginning if tokenizer.add_beginning else -1
    return packed(arrays, len(tokens), beginning, max(map(len, spellings)), rules)


def packed(
    arrays: dict[str, np.ndarray], vocabulary: int, beginning: int, longest: int, rules: int
) -> bytes:
    """Header and arrays, each array at a multiple of 16 bytes."""
    head = struct.pack("<8sIIiIII", MAGIC, VERSION, vocabulary, beginning, longest, rules, 0)
    places, body = b"", bytearray()
    start = aligned(len(head) + 8 * len(ARRAYS))
    for name in ARRAYS:
        data = np.ascontiguousarray(arrays[name])
        places += struct.pack("<II", start + len(body), len(data))
        raw = data.astype(data.dtype.newbyteorder("<")).tobytes()
        body += raw.ljust(aligned(len(raw)), b"\0")
    return (head + places).ljust(start, b"\0") + bytes(body)


def aligned(size: int) -> int:
    return (size + 15) // 16 * 16


__all__ = ["HIDDEN", "LITERAL", "ORDINARY", "SPECIAL", "tokenizer_section"]
