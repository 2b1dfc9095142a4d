"""Reads pre-tokenizer rules (pretokenizer.lark) into spec objects with source spans."""

from __future__ import annotations

import re

from lark import Token, Tree

from cllm_gen import unicode
from cllm_gen.notation.reading import grammar, inside, place, read, token
from cllm_gen.notation.splits import Alternative, CharacterClass, Item, Rule, Split
from cllm_gen.source import Span, SpecError

_PARSER = grammar("pretokenizer")
_EXAMPLE = r'letters: " "? \p{L}+'
_WORDS = {  # terminals in plain words; "" is never worth mentioning
    "SPLIT": "`split NAME`",
    "NAME": "a rule (`name: ...`)",
    "COLON": "`:`",
    "STRING": '"text" in double quotes',
    "CLASS": r"a class (\p{L} \P{L} \s \S)",
    "SET": "a set in brackets",
    "QUANTIFIER": "? + * or {1,3}",
    "VBAR": "`|`",
    "RPAR": "`)`",
    "__ANON_0": "`(?!class)`",
    "NOTE": "`-- documentation`",
    "_NL": "the end of the line",
    "$END": "",
}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_MEMBER = re.compile(r"\\p\{(\w+)\}|\\(s)|(\\?.)-(\\?.)|(\\?.)", re.DOTALL)


def read_splits(text: str, call: Span) -> tuple[Split, ...]:
    """The splits that `text` declares; `call` is where the spec object is made."""
    start = place(text, call)
    tree = read(_PARSER, text, start, _WORDS, _EXAMPLE)
    return tuple(_split(each, start) for each in tree.children)


def _note(tree: Tree) -> str:
    notes = [str(t)[2:].strip() for t in tree.children if isinstance(t, Token) and t.type == "NOTE"]
    return " ".join(notes)


def _split(tree: Tree, start: Span) -> Split:
    name = token(tree)
    rules = tuple(_rule(each, start) for each in tree.find_data("rule"))
    return Split(str(name), rules, _note(tree), _place(name, start))


def _place(name: Token, start: Span) -> Span:
    assert name.line is not None and name.column is not None
    return inside(start, name.line, name.column)


def _rule(tree: Tree, start: Span) -> Rule:
    name = token(tree)
    span = _place(name, start)
    alternatives = tuple(_alternative(each, span) for each in tree.find_data("alternative"))
    return Rule(str(name), alternatives, _note(tree), span)


def _alternative(tree: Tree, span: Span) -> Alternative:
    items = tuple(_item(each, span) for each in _children(tree, "item"))
    ahead = [_class(token(each, -1), span) for each in _children(tree, "lookahead")]
    if all(item.least == 0 for item in items):
        raise SpecError(
            span, "an alternative that can match nothing", "at least one character", _EXAMPLE
        )
    return Alternative(items, ahead[0] if ahead else None)


def _children(tree: Tree, name: str) -> list[Tree]:
    return [each for each in tree.children if isinstance(each, Tree) and each.data == name]


def _item(tree: Tree, span: Span) -> Item:
    what = token(tree)
    least, most = _times(token(tree, 1) if len(tree.children) > 1 else "{1,1}", span)
    if what.type != "STRING":
        return Item(_class(what, span), least, most)
    text = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), what[what.index('"') + 1 : -1])
    either = what.startswith("i")
    if most != 1:
        raise SpecError(
            span, f"{what} repeated", "a repeated set, or a literal once", '[\\n]+ or "\\n"?'
        )
    if either and not text.isascii():
        raise SpecError(span, f"{what} in either case", "ASCII text after `i`", 'i"\'s"')
    return Item(text, least, most, either)


def _times(quantifier: str, span: Span) -> tuple[int, int | None]:
    if quantifier in "?+*":
        return {"?": (0, 1), "+": (1, None), "*": (0, None)}[quantifier]
    least, most = map(int, quantifier[1:-1].split(","))
    if least > most or most == 0:
        raise SpecError(
            span, f"the quantifier {quantifier}", "least,most with least <= most", r"\p{N}{1,3}"
        )
    return least, most


def _class(written: Token, span: Span) -> CharacterClass:
    text = str(written)
    if text in ("\\s", "\\S"):
        return CharacterClass(unicode.WHITE_SPACE, negated=text == "\\S", text=text)
    if text[0] == "\\":
        return CharacterClass(_category(text[3:-1], span), negated=text[1] == "P", text=text)
    negated = text[1] == "^"
    categories: frozenset[str] = frozenset()
    ranges = []
    for match in _MEMBER.finditer(text[2 if negated else 1 : -1]):
        name, space, first, last, single = match.groups()
        if name:
            categories |= _category(name, span)
        elif space:
            categories |= unicode.WHITE_SPACE
        elif single:
            ranges.append((_character(single), _character(single)))
        else:
            ranges.append((_character(first), _character(last)))
            if ranges[-1][0] > ranges[-1][1]:
                raise SpecError(span, f"the range {match[0]}", "the lower character first", "[a-z]")
    return CharacterClass(categories, tuple(ranges), negated, text)


def _character(text: str) -> int:
    return ord(_ESCAPES.get(text[1:], text[1:]) if text[0] == "\\" else text)


def _category(name: str, span: Span) -> frozenset[str]:
    found = unicode.members(name)
    if not found:
        raise SpecError(
            span,
            rf"the Unicode category \p{{{name}}}",
            "a General_Category such as L, Lu, N, P, Zs",
            r"\p{L}",
        )
    return found
