"""A GGUF's tokens as bytes, and how each is found in text: the two ways in which vocabularies are
written. Both readers return spellings, kinds, and the token of each byte (-1: none)."""

from __future__ import annotations

import re

from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.gguf_file import GgufFile

UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 2, 3, 4, 5, 6  # GGUF's tokenizer.ggml.token_type
ORDINARY, SPECIAL, LITERAL, HIDDEN = 0, 1, 2, 3  # enum tokenizer_kind
SPACE_SIGN = "\u2581"  # how SentencePiece writes a space
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")

Vocabulary = tuple[list[bytes], list[int], list[int]]


def field(file: GgufFile, name: str, kind: type = str, each: type | None = None):
    """One metadata field, a list of `each` if that is given; raises ModelFileError naming it."""
    value = file.metadata.get(name)
    wanted = kind if each is None else list
    items = value if isinstance(value, list) else []
    if not isinstance(value, wanted) or (
        each and not all(isinstance(item, each) for item in items)
    ):
        found = (
            "missing"
            if value is None
            else f"not a {wanted.__name__}" + (f" of {each.__name__}" if each else "")
        )
        raise ModelFileError(f"{file.path.name}: metadata field {name} is {found}")
    return value


def byte_alphabet() -> dict[str, int]:
    """The characters by which GPT-2 vocabularies spell bytes: printable Latin-1 stands for itself,
    the other 68 bytes are U+0100 and on, in order."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(0x100 + i): b for i, b in enumerate(others)}


def byte_level(tokens: list[str], types: list[int]) -> Vocabulary:
    """GPT-2's way: ordinary tokens in the byte alphabet, control and user-defined ones plainly."""
    alphabet = byte_alphabet()
    kinds = [SPECIAL if kind in (CONTROL, USER_DEFINED) else ORDINARY for kind in types]
    spellings = []
    for token, kind in zip(tokens, kinds):
        try:
            spellings.append(
                token.encode()
                if kind == SPECIAL
                else bytes(alphabet[character] for character in token)
            )
        except KeyError as error:
            raise ModelFileError(
                f"token {token!r} has {error.args[0]!r}, which is not in GPT-2's byte alphabet"
            ) from None
    byte_tokens = [-1] * 256
    for number, (spelling, kind) in enumerate(zip(spellings, kinds)):
        if kind == ORDINARY and len(spelling) == 1 and byte_tokens[spelling[0]] < 0:
            byte_tokens[spelling[0]] = number
    return spellings, kinds, byte_tokens


def by_score(tokens: list[str], types: list[int]) -> Vocabulary:
    """SentencePiece's way: text with a sign for the space, and a token <0xNN> for every byte, by
    which characters are written that are no token."""
    spellings, kinds, byte_tokens = [], [], [-1] * 256
    for token, (text, kind) in enumerate(zip(tokens, types)):
        if kind == BYTE:
            match = _BYTE.fullmatch(text)
            if match is None:
                raise ModelFileError(f"token {token} is of a byte, but is written {text!r}")
            spellings.append(bytes.fromhex(match[1]))
            byte_tokens[spellings[-1][0]] = token
        else:
            spellings.append(text.replace(SPACE_SIGN, " ").encode())
        kinds.append(
            SPECIAL
            if kind == CONTROL
            else (
                LITERAL
                if kind == USER_DEFINED
                else HIDDEN if kind in (BYTE, UNUSED, UNKNOWN) else ORDINARY
            )
        )
    if -1 in byte_tokens:
        raise ModelFileError(
            f"no token <0x{byte_tokens.index(-1):02X}>: the vocabulary cannot write every text"
        )
    return spellings, kinds, byte_tokens
