"""The tokenizer's and chat template's part of a model spec, from a GGUF's metadata, as Python source."""

from __future__ import annotations

import re

from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.gguf_file import GgufFile
from cllm_gen.weights.tokenizer_vocabulary import CONTROL, field

IMPORTS = "from cllm_gen.spec.tokenizer import Tokenizer\nfrom specs.models import pretokenizers\n"
"""Of "llama" tokenizers only the first line is used."""
PRETOKENIZERS = {
    "smollm": "smollm",
    "gpt-2": "gpt2",
    "llama-bpe": "llama3",
    "llama3": "llama3",
    "qwen2": "qwen2",
    "deepseek-r1-qwen": "qwen2",
}
"""GGUF's names for rules, and the names of those rules in specs/models/pretokenizers.py."""
WHOLE_PIECES = ("llama-bpe", "llama3")
"""Rules of tokenizers that look a piece up before they merge."""
ENDS = ("<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<end_of_turn>", "</s>")
"""Control tokens that end a text or a chat turn wherever they are in a vocabulary."""
_TAG = re.compile(
    r"\{%(?:'[^']*'|\"[^\"]*\"|[^'\"])*?%\}|\{\{(?:'[^']*'|\"[^\"]*\"|[^'\"])*?\}\}", re.DOTALL
)


def _optional(file: GgufFile, name: str, kind: type, otherwise=None):
    return field(file, name, kind) if name in file.metadata else otherwise


def tokenizer_spec_source(file: GgufFile) -> str:
    """The keyword argument `tokenizer=Tokenizer(...),` for a model spec; IMPORTS must stand above.
    Raises ModelFileError for tokenizers that cllm does not know."""
    kind = field(file, "tokenizer.ggml.model")
    if kind not in _RULES:
        raise ModelFileError(
            f"tokenizer.ggml.model is {kind!r}; known are byte-level BPE ('gpt2') and "
            "SentencePiece's ('llama')"
        )
    rules = _RULES[kind](file)
    tokens = field(file, "tokenizer.ggml.tokens", each=str)
    kinds = field(file, "tokenizer.ggml.token_type", each=int)
    beginning = _optional(file, "tokenizer.ggml.bos_token_id", int)
    end = field(file, "tokenizer.ggml.eos_token_id", int)
    for token in (beginning, end):
        if token is not None and not 0 <= token < len(tokens):
            raise ModelFileError(f"token {token} is outside the vocabulary of {len(tokens)}")
    ends = [i for i, kind in enumerate(kinds) if kind == CONTROL and tokens[i] in ENDS and i != end]
    lines = [f'kind="{kind}"', *rules]
    if beginning is not None:
        lines += [f"beginning={beginning}", f"beginning_text={_literal(tokens[beginning])}"]
    lines += [f"end={end}", f"end_text={_literal(tokens[end])}"]
    if ends:
        lines.append(f"ends={tuple(ends)!r}")
    adds = _optional(file, "tokenizer.ggml.add_bos_token", bool, kind == "llama")
    if beginning is not None and adds:
        lines.append("add_beginning=True")
    return "tokenizer=Tokenizer(\n" + "".join(f"    {line},\n" for line in lines) + "),\n"


def _byte_level_rules(file: GgufFile) -> list[str]:
    rules = _optional(file, "tokenizer.ggml.pre", str, "default")
    if rules not in PRETOKENIZERS:
        raise ModelFileError(
            f"tokenizer.ggml.pre is {rules!r}; specs/models/pretokenizers.py has the rules of "
            f"{', '.join(PRETOKENIZERS)}: add these there and their name to tokenizer_import.py"
        )
    if _optional(file, "tokenizer.ggml.add_space_prefix", bool, False):
        raise ModelFileError(
            "tokenizer.ggml.add_space_prefix is True, which byte-level BPE does not know"
        )
    lines = [f"pretokenizer=pretokenizers.{PRETOKENIZERS[rules]}"]
    return lines + ["whole_pieces=True"] * (rules in WHOLE_PIECES)


def _score_rules(file: GgufFile) -> list[str]:
    field(file, "tokenizer.ggml.scores", each=float)
    if _optional(file, "tokenizer.ggml.remove_extra_whitespaces", bool, False):
        raise ModelFileError(
            "tokenizer.ggml.remove_extra_whitespaces is True; cllm keeps a text as it is"
        )
    space = _optional(file, "tokenizer.ggml.add_space_prefix", bool, True)
    return ["add_space_prefix=True"] * space


_RULES = {"gpt2": _byte_level_rules, "llama": _score_rules}


def chat_template_source(template: str) -> str:
    """A string expression that equals the template, one literal a tag, so that each tag has a
    line of its own in the spec for errors and generated code to name."""
    pieces, start = [], 0
    for match in _TAG.finditer(template):
        pieces += [template[start : match.start()], match.group()]
        start = match.end()
    pieces.append(template[start:])
    literals = [_literal(piece) for piece in pieces if piece]
    return "(\n" + "".join(f"    {literal}\n" for literal in literals or ['""']) + ")"


def _literal(text: str) -> str:
    """A double-quoted literal, which black leaves alone."""
    plain = {'"': '\\"', "'": "'"}
    return '"' + "".join(plain.get(each) or repr(each)[1:-1] for each in text) + '"'
