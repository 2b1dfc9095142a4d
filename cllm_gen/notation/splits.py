"""What the pre-tokenizer notation (pretokenizer.lark) makes: splits, their rules and what these match."""

from __future__ import annotations

from dataclasses import dataclass

from cllm_gen.source import Span, SpecError


@dataclass(frozen=True)
class CharacterClass:
    """A set of characters: whole Unicode categories, ranges of code points, or all but those."""

    categories: frozenset[str]
    ranges: tuple[tuple[int, int], ...] = ()
    negated: bool = False
    text: str = ""
    """As the spec writes it."""


@dataclass(frozen=True)
class Item:
    """A literal (`what` is text) or a class, `least` to `most` times (None: without end)."""

    what: str | CharacterClass
    least: int = 1
    most: int | None = 1
    either_case: bool = False


@dataclass(frozen=True)
class Alternative:
    """Items one after another; the character that follows must not be in `not_before`."""

    items: tuple[Item, ...]
    not_before: CharacterClass | None = None


@dataclass(frozen=True)
class Rule:
    """Alternatives under a name; the first that matches counts."""

    name: str
    alternatives: tuple[Alternative, ...]
    note: str
    span: Span


@dataclass(frozen=True)
class Split:
    """One pass over a text, or over each piece that the pass before it left. From the left, the
    first place where a rule matches gives a piece; what lies between two matches is one too."""

    name: str
    rules: tuple[Rule, ...]
    note: str
    span: Span

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        for rule in self.rules:
            if names.count(rule.name) > 1:
                raise SpecError(
                    rule.span,
                    f"two rules {rule.name!r} in split {self.name!r}",
                    "a name of its own for each rule",
                    r"letters: \p{L}+",
                )
