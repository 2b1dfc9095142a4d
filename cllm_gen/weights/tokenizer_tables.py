"""The "tokenizer" section of the packed image: vocabulary, merges with their hash table, special
tokens and Unicode categories, in the layout of `kernel_static/engine/tokenizer_tables.h`."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from cllm_gen.weights import unicode
from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.gguf_file import GgufFile

MAGIC, VERSION = b"CLLMTOKN", 1
NO_MERGE = 0xFFFFFFFF
ORDINARY, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4  # GGUF's tokenizer.ggml.token_type
ARRAYS = "offsets bytes byte_tokens merges slots specials ends pages rows".split()


def byte_alphabet() -> dict[str, int]:
    """The characters by which GPT-2 vocabularies spell bytes: printable Latin-1 stands for itself,
    the other 68 bytes are U+0100 and on, in order."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(0x100 + i): b for i, b in enumerate(others)}


def field(file: GgufFile, name: str, kind: type = str, each: type | None = None):
    """One metadata field, a list of `each` if that is given; raises ModelFileError naming it."""
    value = file.metadata.get(name)
    wanted = kind if each is None else list
    if not isinstance(value, wanted) or (
        each and not all(isinstance(item, each) for item in value)
    ):
        found = (
            "missing"
            if value is None
            else f"not a {wanted.__name__}" + (f" of {each.__name__}" if each else "")
        )
        raise ModelFileError(f"{file.path.name}: metadata field {name} is {found}")
    return value


def spelled(token: str, special: bool, alphabet: dict[str, int]) -> bytes:
    """A token's bytes: special tokens are written plainly, others in the byte alphabet."""
    if special:
        return token.encode()
    try:
        return bytes(alphabet[character] for character in token)
    except KeyError as error:
        raise ModelFileError(
            f"token {token!r} has {error.args[0]!r}, which is not in GPT-2's byte alphabet"
        ) from None


def slot_of(left: int, right: int, slots: int) -> int:
    """Where the search for a pair begins; the C side's `tokenizer_slot`."""
    mixed = ((left * 0x9E3779B1) ^ (right * 0x85EBCA77)) & 0xFFFFFFFF
    return (mixed ^ mixed >> 15) & (slots - 1)


def merge_tables(merges: list[str], ids: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Merges by rank (left, right, result), and ranks by hash slot."""
    rows, seen = [], {}
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
    for rank, (left, right, _) in enumerate(rows):
        slot = slot_of(left, right, len(slots))
        while slots[slot] != NO_MERGE:
            slot = (slot + 1) % len(slots)
        slots[slot] = rank
    return np.array(rows, np.int32).reshape(-1, 3), slots


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
    file, tokenizer = GgufFile(Path(gguf_path)), model.tokenizer
    tokens = field(file, "tokenizer.ggml.tokens", each=str)
    kinds = field(file, "tokenizer.ggml.token_type", each=int)
    if len(kinds) != len(tokens) or not tokens:
        raise ModelFileError(
            f"{file.path.name}: {len(tokens)} tokens, but the types of {len(kinds)}"
        )
    check_spec(file, tokenizer, tokens)

    alphabet = byte_alphabet()
    special = [kind in (CONTROL, USER_DEFINED) for kind in kinds]
    spellings = [spelled(token, flag, alphabet) for token, flag in zip(tokens, special)]
    ordinary = {token: i for i, token in enumerate(tokens) if not special[i]}
    merges, slots = merge_tables(field(file, "tokenizer.ggml.merges", each=str), ordinary)
    byte_tokens = [-1] * 256
    for character, byte in alphabet.items():
        byte_tokens[byte] = ordinary.get(character, -1)
    specials = [i for i, flag in enumerate(special) if flag and spellings[i]]
    specials.sort(key=lambda i: (spellings[i][0], -len(spellings[i]), spellings[i]))
    offsets = np.cumsum([0] + [len(spelling) for spelling in spellings])
    ends = sorted({tokenizer.end, *tokenizer.ends})
    pages, rows = unicode.pages()

    arrays = {
        "offsets": offsets.astype(np.uint32),
        "bytes": np.frombuffer(b"".join(spellings), np.uint8),
        "byte_tokens": np.array(byte_tokens, np.int32),
        "merges": merges,
        "slots": slots,
        "specials": np.array(specials, np.int32),
        "ends": np.array(ends, np.int32),
        "pages": np.array(pages, np.uint16),
        "rows": np.frombuffer(rows, np.uint8),
    }
    beginning = tokenizer.beginning if tokenizer.add_beginning else -1
    return packed(arrays, len(tokens), beginning, max(map(len, spellings)))


def packed(arrays: dict[str, np.ndarray], vocabulary: int, beginning: int, longest: int) -> bytes:
    """Header and arrays, each array at a multiple of 16 bytes."""
    head = struct.pack("<8sIIiI", MAGIC, VERSION, vocabulary, beginning, longest)
    places, body = b"", b""
    start = aligned(len(head) + 8 * len(ARRAYS))
    for name in ARRAYS:
        data = np.ascontiguousarray(arrays[name])
        places += struct.pack("<II", start + len(body), len(data))
        raw = data.astype(data.dtype.newbyteorder("<")).tobytes()
        body += raw.ljust(aligned(len(raw)), b"\0")
    return (head + places).ljust(start, b"\0") + body


def aligned(size: int) -> int:
    return (size + 15) // 16 * 16
