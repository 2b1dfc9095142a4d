"""Where each tag of a chat template stands in the spec, and how it reads."""

from __future__ import annotations

import ast
import io
import linecache
import re
import tokenize
from collections.abc import Iterator

from jinja2 import nodes

from cllm_gen.source import Span

_INSIDE = r"(?:'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|[^'\"])*?"
_TAG = re.compile(rf"\{{#.*?#\}}|\{{%{_INSIDE}%\}}|\{{\{{{_INSIDE}\}}\}}", re.DOTALL)
_SKIPPED = re.compile(r"\{#|\{%[-+]?\s*(endfor|endif|else|endset|endmacro|endcall|endfilter)\b")


def _literals(file: str) -> Iterator[list[tuple[int, str]]]:
    """Runs of adjacent plain string literals of a Python file: (line, text) each."""
    run: list[tuple[int, str]] = []
    source = io.StringIO("".join(linecache.getlines(file)))
    try:
        for token in tokenize.generate_tokens(source.readline):
            if token.type == tokenize.STRING:
                value = ast.literal_eval(token.string)
                if isinstance(value, str):
                    run.append((token.start[0], value))
            elif token.type not in (tokenize.NL, tokenize.COMMENT):
                if run:
                    yield run
                run = []
    except (tokenize.TokenError, SyntaxError):
        return


class TemplateSource:
    """A template's text and the spec lines that write it."""

    def __init__(self, text: str, near: Span):
        self.text, self.near = text, near
        self.run = next((r for r in _literals(near.file) if "".join(t for _, t in r) == text), [])
        self.tags = [m for m in _TAG.finditer(text) if not _SKIPPED.match(m[0])]

    def span_at(self, offset: int) -> Span:
        """The spec line of a place in the template; the model's own line if it cannot be found."""
        for line, piece in self.run:
            if offset < len(piece):
                return Span(
                    self.near.file, line if len(self.run) > 1 else line + piece[:offset].count("\n")
                )
            offset -= len(piece)
        return self.near

    def spans(self, tree: nodes.Template) -> dict[int, tuple[Span, str]]:
        """For each statement and printed expression (by id) its spec line and its tag's text.
        Both come in document order; should the tags be miscounted, only the template's line of
        each is known."""
        order = list(_in_order(tree))
        if len(order) == len(self.tags):
            return {
                id(node): (self.span_at(tag.start()), " ".join(tag[0].split()))
                for node, tag in zip(order, self.tags)
            }
        lines = self.text.splitlines()
        return {id(n): (self.near, lines[min(n.lineno, len(lines)) - 1].strip()) for n in order}

    def line_span(self, line: int) -> Span:
        """The spec line of line `line` of the template."""
        offset = sum(len(each) for each in self.text.splitlines(keepends=True)[: line - 1])
        return self.span_at(offset)


def _in_order(node: nodes.Node) -> Iterator[nodes.Node]:
    """Statements and printed expressions in document order, one for each counted tag."""
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Output):
            yield from (each for each in child.nodes if not isinstance(each, nodes.TemplateData))
        elif isinstance(child, nodes.If):
            yield child
            for part in (child.body, child.elif_, child.else_):
                for each in part:
                    yield from _in_order(nodes.Template([each]))
        elif isinstance(child, nodes.Stmt):
            yield child
            yield from _in_order(child)
