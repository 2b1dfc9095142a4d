"""The tokenizer's and chat template's part of a model spec, from a GGUF's metadata, as Python source."""

from __future__ import annotations

import re

from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.gguf_file import GgufFile
from cllm_gen.weights.tokenizer_tables import CONTROL, field

IMPORTS = "from cllm_gen.spec.tokenizer import Tokenizer\nfrom specs.models import pretokenizers\n"
PRETOKENIZERS = ("smollm",)
"""GGUF's names for the rules that specs/models/pretokenizers.py states."""
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
    if kind != "gpt2":
        raise ModelFileError(f"the tokenizer is {kind!r}; cllm knows byte-level BPE ('gpt2')")
    rules = _optional(file, "tokenizer.ggml.pre", str, "default")
    if rules not in PRETOKENIZERS:
        raise ModelFileError(
            f"the pre-tokenizer is {rules!r}; specs/models/pretokenizers.py states "
            f"{', '.join(PRETOKENIZERS)}: add its rules there and its name to tokenizer_import.py"
        )
    if _optional(file, "tokenizer.ggml.add_space_prefix", bool, False):
        raise ModelFileError(
            "the tokenizer adds a space before a text, which byte-level BPE does not"
        )
    tokens = field(file, "tokenizer.ggml.tokens", each=str)
    kinds = field(file, "tokenizer.ggml.token_type", each=int)
    beginning = _optional(file, "tokenizer.ggml.bos_token_id", int)
    end = field(file, "tokenizer.ggml.eos_token_id", int)
    for token in (beginning, end):
        if token is not None and not 0 <= token < len(tokens):
            raise ModelFileError(f"token {token} is outside the vocabulary of {len(tokens)}")
    ends = [i for i, kind in enumerate(kinds) if kind == CONTROL and tokens[i] in ENDS and i != end]
    lines = ['kind="gpt2"', f"pretokenizer=pretokenizers.{rules.replace('-', '_')}"]
    if beginning is not None:
        lines += [f"beginning={beginning}", f"beginning_text={_literal(tokens[beginning])}"]
    lines += [f"end={end}", f"end_text={_literal(tokens[end])}"]
    if ends:
        lines.append(f"ends={tuple(ends)!r}")
    if beginning is not None and _optional(file, "tokenizer.ggml.add_bos_token", bool, False):
        lines.append("add_beginning=True")
    return "tokenizer=Tokenizer(\n" + "".join(f"    {line},\n" for line in lines) + "),\n"


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
