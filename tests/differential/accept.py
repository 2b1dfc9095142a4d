"""How found differences are held against the accepted ones."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from re import Pattern, compile

from tests.differential.compare import Difference


@dataclass(frozen=True)
class Rule:
    """what     which differences: patterns of `Difference.what`, in which * is anything
    because  why they are left
    where    which questions: patterns of their names
    """

    what: tuple[str, ...]
    because: str
    where: tuple[str, ...] = ("*",)

    def covers(self, difference: Difference) -> bool:
        return _any(self.where, difference.question) and _any(self.what, difference.what)


@dataclass(frozen=True)
class Chapter:
    title: str
    rules: tuple[Rule, ...]


@cache
def _pattern(text: str) -> Pattern[str]:
    """Only * is special, since names of questions are full of brackets."""
    return compile(translate(text.replace("[", "[[]").replace("?", "[?]")))


def _any(patterns: tuple[str, ...], text: str) -> bool:
    return any(_pattern(each).match(text) for each in patterns)


@dataclass(frozen=True)
class Verdict:
    """listed    by rule, the differences that it covers; the first rule that does has it
    unlisted  those that none covers
    """

    listed: dict[Rule, list[Difference]]
    unlisted: list[Difference]

    @property
    def unused(self) -> list[tuple[Rule, str]]:
        """Patterns of rules that no difference has: what the page says of them is no more true."""
        return [
            (rule, pattern)
            for rule, found in self.listed.items()
            for patterns, of in ((rule.what, _what), (rule.where, _question))
            for pattern in patterns
            if not any(_any((pattern,), of(each)) for each in found)
        ]


def _what(difference: Difference) -> str:
    return difference.what


def _question(difference: Difference) -> str:
    return difference.question


def judge(found: list[Difference], chapters: tuple[Chapter, ...]) -> Verdict:
    listed: dict[Rule, list[Difference]] = {
        rule: [] for chapter in chapters for rule in chapter.rules
    }
    unlisted = []
    for difference in found:
        for rule, covered in listed.items():
            if rule.covers(difference):
                covered.append(difference)
                break
        else:
            unlisted.append(difference)
    return Verdict(listed, unlisted)
