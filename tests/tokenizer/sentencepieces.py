"""Vocabularies that merge by score: made by the sentencepiece package's trainer from this project's
sources, or read from a GGUF, each with that package's processor as the reference."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from types import SimpleNamespace

import gguf
import sentencepiece

from cllm_gen.spec.tokenizer import Tokenizer
from cllm_gen.weights.gguf_file import GgufFile
from tests.tokenizer import corpus

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
CONTROLS = ["<turn>", "<turn_end>", "<|im_end|>"]
LITERALS = ["\n", "\n\n", "\n\n\n", "\t", "▁▁", "▁▁▁", "▁▁▁▁", "<table>", "</table>"]


def trained(space_prefix: bool, literals: list[str], size: int = 2000) -> bytes:
    """A model file of the trainer's."""
    out = io.BytesIO()
    sentences = [text.decode() for text in corpus.code() + corpus.prose()[:300]]
    lines = [line for text in sentences for line in text.splitlines() if line]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=out,
        model_type="bpe",
        vocab_size=size,
        byte_fallback=True,
        character_coverage=0.999,
        normalization_rule_name="identity",
        add_dummy_prefix=space_prefix,
        remove_extra_whitespaces=False,
        control_symbols=CONTROLS,
        user_defined_symbols=literals,
        minloglevel=2,
        num_threads=1,
    )
    return out.getvalue()


def write_gguf(path: Path, model: bytes, space_prefix: bool, literals: list[str]) -> Path:
    """A GGUF with the model's vocabulary, as converters write it, and nothing else."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    pieces, types = [], []
    for token in range(processor.vocab_size()):
        piece = processor.id_to_piece(token)
        literal = piece in literals
        types.append(
            CONTROL
            if processor.is_control(token)
            else (
                UNKNOWN
                if processor.is_unknown(token)
                else BYTE if processor.is_byte(token) else USER_DEFINED if literal else NORMAL
            )
        )
        pieces.append(piece.replace("▁", " ") if literal else piece)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_token_list(pieces)
    writer.add_token_scores([processor.get_score(t) for t in range(len(pieces))])
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_space_prefix(space_prefix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def read_gguf(file: GgufFile) -> bytes:
    """A model file for the package's processor with a GGUF's tokens, types and scores."""
    data = file.metadata
    tokens, types = data["tokenizer.ggml.tokens"], data["tokenizer.ggml.token_type"]
    scores = data["tokenizer.ggml.scores"]
    proto = bytearray()
    for text, kind, score in zip(tokens, types, scores):
        piece = _bytes(1, text.replace(" ", "▁").encode()) + b"\x15" + struct.pack("<f", score)
        proto += _bytes(1, piece + _number(3, kind))
    proto += _bytes(2, _number(3, 2) + _number(35, 1))  # trainer: BPE, byte fallback
    prefix = data.get("tokenizer.ggml.add_space_prefix", True)
    proto += _bytes(3, _bytes(1, b"identity") + _number(3, prefix) + _number(4, 0) + _number(5, 1))
    return bytes(proto)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes(found) + bytes([value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(int(value))


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def spec(file: GgufFile):
    """What the packer and the lowering read of a model spec, for the file's vocabulary."""
    tokens = file.metadata["tokenizer.ggml.tokens"]
    beginning, end = (file.metadata[f"tokenizer.ggml.{k}_token_id"] for k in ("bos", "eos"))
    made = Tokenizer(
        kind="llama",
        beginning=beginning,
        beginning_text=tokens[beginning],
        end=end,
        end_text=tokens[end],
        add_space_prefix=file.metadata["tokenizer.ggml.add_space_prefix"],
    )
    return SimpleNamespace(name="test", span=made.span, tokenizer=made)
