"""Every generated C file is parsed before it is written, so a broken template never reaches disk.

pycparser reads C after preprocessing. Generated code keeps to `struct` tags and the fixed-width
types, so instead of running a preprocessor the directives are blanked (line numbers stay) and the
few type names that come from system headers, kernels.h and the headers of instruction sets are
declared up front.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pycparser import c_parser

from cllm_gen.lower.model.kernel_tables import KERNEL_TYPES

_TYPES = (
    "int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t size_t ssize_t uintptr_t "
    "intptr_t ptrdiff_t va_list"
).split()
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|(\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')", re.DOTALL)
_ATTRIBUTE = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)|__extension__|__restrict")


class SyntaxProblem(Exception):
    """Generated C that pycparser refuses: a fault of a template, with the place and the line."""


def _blank(match: re.Match) -> str:
    return "\n" * match.group(0).count("\n")


def parse(path: str, text: str, types: Iterable[str] = ()):
    """The syntax tree of one C file, in which `types` are names of types; raises SyntaxProblem naming
    path, line and text."""
    known = dict.fromkeys((*_TYPES, *KERNEL_TYPES, *types))
    prelude = "".join(f"typedef int {name};" for name in known) + "typedef _Bool bool;"
    code = _COMMENT.sub(lambda m: m.group(1) or _blank(m) or " ", text)
    code = _ATTRIBUTE.sub(" ", _DIRECTIVE.sub(_blank, code))
    try:
        return c_parser.CParser().parse(prelude + code, path)
    except c_parser.ParseError as error:
        line = re.search(r":(\d+)", str(error))
        shown = text.splitlines()[int(line.group(1)) - 1].strip() if line else ""
        raise SyntaxProblem(f"generated C does not parse: {error}\n  {shown}") from None
