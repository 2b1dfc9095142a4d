"""What the line-based notations share: where a text stands in its file, and errors that say so."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Mapping
from pathlib import Path

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from cllm_gen.source import Span, SpecError


def grammar(name: str) -> Lark:
    """The LALR parser of `<name>.lark` beside this file."""
    text = Path(__file__).with_name(f"{name}.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="contextual", propagate_positions=True)


def place(text: str, call: Span) -> Span:
    """The line on which the string literal `text` of the call at `call` begins."""
    try:
        tree = ast.parse("".join(linecache.getlines(call.file)))
    except SyntaxError:
        return call
    lines = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value == text and node.lineno >= call.line
    ]
    return Span(call.file, min(lines)) if lines else call


def inside(start: Span, line: int, column: int = 0) -> Span:
    """Line `line` (from 1) of a text that begins at `start`."""
    return Span(start.file, start.line + line - 1, column)


def token(tree: Tree, index: int = 0) -> Token:
    """A child of which the grammar says that it is a terminal."""
    child = tree.children[index]
    assert isinstance(child, Token)
    return child


def branch(tree: Tree, index: int) -> Tree:
    """A child of which the grammar says that it is no terminal."""
    child = tree.children[index]
    assert isinstance(child, Tree)
    return child


def note(line: Tree) -> str:
    """The documentation after two dashes, its lines joined."""
    notes = [child for child in line.children if isinstance(child, Token) and child.type == "NOTE"]
    return " ".join(
        part.strip().lstrip("-").strip() for each in notes for part in each.splitlines()
    )


def read(parser: Lark, text: str, start: Span, words: Mapping[str, str], example: str) -> Tree:
    """The tree of a notation. `words` says in plain words what each terminal is."""
    try:
        return parser.parse(text.rstrip() + "\n")
    except UnexpectedInput as error:
        lines = text.splitlines()
        line = lines[error.line - 1] if 0 < error.line <= len(lines) else ""
        if isinstance(error, UnexpectedToken):
            found = (
                "the end of the line"
                if error.token.type in ("_NL", "$END")
                else repr(str(error.token))
            )
            terminals = error.accepts or error.expected
        else:
            assert isinstance(error, UnexpectedCharacters)
            found = repr(line[error.column - 1 :].split("--")[0].strip() or "the end of the line")
            terminals = error.allowed
        expected = sorted({words.get(name, name.lower()) for name in terminals} - {""})
        span = inside(start, max(error.line, 1), max(error.column, 0))
        raise SpecError(
            span, f"{found} in {line.strip()!r}", ", or ".join(expected), example
        ) from None
