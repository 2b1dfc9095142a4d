"""How text becomes tokens: the rules that cut it into pieces (cllm_gen/notation/pretokenizer.lark),
and which tokens begin and end a text. Vocabulary and merges stay in the model file."""

from __future__ import annotations

from dataclasses import dataclass, field

from cllm_gen.notation.pretokenizer import read_splits
from cllm_gen.notation.splits import Split
from cllm_gen.source import Span, SpecError, caller_span


@dataclass(frozen=True)
class Pretokenizer:
    """The splits, outermost first; what the last one leaves are the pieces inside which byte pairs
    merge. `name` is what GGUF calls the set of rules."""

    name: str
    rules: str
    span: Span = field(default_factory=caller_span, compare=False)
    splits: tuple[Split, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        splits = read_splits(self.rules, self.span)
        names = [split.name for split in splits]
        for split in splits:
            if names.count(split.name) > 1:
                raise SpecError(
                    split.span,
                    f"two splits {split.name!r}",
                    "a name of its own for each split",
                    "split digits",
                )
        object.__setattr__(self, "splits", splits)


KINDS = ("gpt2", "llama")


@dataclass(frozen=True)
class Tokenizer:
    """How text becomes tokens and which of them mean something. Token ids and the texts of tokens
    are checked against the model file when its tables are packed."""

    kind: str
    """The algorithm as GGUF names it: "gpt2" is byte-level BPE, where ranked pairs merge inside
    pieces; "llama" is SentencePiece's BPE, where neighbours merge that make a token, best score
    first, and what is left is written in bytes."""
    end: int
    """Token that ends an answer (EOS)."""
    end_text: str
    """How that token is written; a chat template knows it as `eos_token`."""
    pretokenizer: Pretokenizer | None = None
    """Rules that cut text before merging; "gpt2" needs them, "llama" has none."""
    beginning: int | None = None
    """Token before a text, if the model has one (BOS)."""
    beginning_text: str = ""
    """How that token is written; a chat template knows it as `bos_token`."""
    ends: tuple[int, ...] = ()
    """Further tokens that end an answer."""
    add_beginning: bool = False
    """A bare text wants `beginning` before it (a chat template writes its own)."""
    add_space_prefix: bool = False
    """"llama": a space goes before text that begins a text or follows a special token."""
    whole_pieces: bool = False
    """"gpt2": a piece that is a token is that token, whatever its merges would give."""
    span: Span = field(default_factory=caller_span, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SpecError(
                self.span,
                f"tokenizer kind {self.kind!r}",
                'byte-level BPE ("gpt2" in GGUF) or SentencePiece\'s ("llama")',
                'kind="gpt2"',
            )
        self._check_rules()
        for name in ("end", "beginning"):
            token = getattr(self, name)
            if token is not None and (
                not isinstance(token, int) or isinstance(token, bool) or token < 0
            ):
                raise SpecError(self.span, f"{name}={token!r}", "the id of a token", f"{name}=2")
        if self.add_beginning and self.beginning is None:
            raise SpecError(
                self.span,
                "add_beginning without a beginning",
                "the token to add",
                "beginning=1, add_beginning=True",
            )

    def _check_rules(self) -> None:
        """Each kind with its own rules, and not the other's."""
        if self.kind == "gpt2" and not isinstance(self.pretokenizer, Pretokenizer):
            raise SpecError(
                self.span,
                f"pretokenizer={self.pretokenizer!r}",
                "a Pretokenizer",
                "pretokenizer=smollm  # from specs.models.pretokenizers",
            )
        wrong = ("add_space_prefix",) if self.kind == "gpt2" else ("pretokenizer", "whole_pieces")
        for name in wrong:
            if getattr(self, name):
                raise SpecError(
                    self.span,
                    f"{name} with tokenizer kind {self.kind!r}",
                    f"no {name}, which this kind does not have",
                    f'kind="{KINDS[self.kind == "gpt2"]}"',
                )
