"""Every generated C file is parsed before it is written, so a broken template never reaches disk.

pycparser reads C after preprocessing. Generated code keeps to `struct` tags and the fixed-width
types, so instead of running a preprocessor the directives are blanked (line numbers stay) and the
few type names that come from system headers and kernels.h are declared up front.
"""

from __future__ import annotations

import re

from pycparser import c_parser

from cllm_gen.lower.model.kernel_tables import KERNEL_TYPES

_TYPES = (
    "int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t size_t ssize_t uintptr_t "
    "intptr_t ptrdiff_t va_list __m128 __m128i __m128d __m256 __m256i __m256d __m512 __m512i __m512d "
    "__mmask8 __mmask16 __mmask32 __mmask64 __tile1024i __m128bh __m256bh __m512bh __m256h __m512h"
).split()
_PRELUDE = (
    "".join(f"typedef int {name};" for name in (*_TYPES, *KERNEL_TYPES)) + "typedef _Bool bool;"
)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|(\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')", re.DOTALL)
_ATTRIBUTE = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)|__extension__|__restrict")


class SyntaxProblem(Exception):
    """Generated C that pycparser refuses: a fault of a template, with the place and the line."""


def _blank(match: re.Match) -> str:
    return "\n" * match.group(0).count("\n")


def parse(path: str, text: str):
    """The syntax tree of one C file; raises SyntaxProblem naming path, line and text."""
    code = _COMMENT.sub(lambda m: m.group(1) or _blank(m) or " ", text)
    code = _ATTRIBUTE.sub(" ", _DIRECTIVE.sub(_blank, code))
    try:
        return c_parser.CParser().parse(_PRELUDE + code, path)
    except c_parser.ParseError as error:
        line = re.search(r":(\d+)", str(error))
        shown = text.splitlines()[int(line.group(1)) - 1].strip() if line else ""
        raise SyntaxProblem(f"generated C does not parse: {error}\n  {shown}") from None
