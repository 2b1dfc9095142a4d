"""Reads index notation (`index.lark`): algorithms of kernels and meanings of instructions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from lark import Lark, Tree

from cllm_gen.notation import reading
from cllm_gen.source import Span, SpecError, caller_span

INDICES = ("i", "j")  # of the lanes of an instruction's result
FUNCTIONS = {  # and how many arguments each takes
    "abs": 1,
    "exp": 1,
    "sqrt": 1,
    "round": 1,
    "truncate": 1,
    "max": 2,
    "min": 2,
    "select": 3,
    "saturate_i8": 1,
    "saturate_i16": 1,
    "bits": 1,
    "from_bits": 1,
    "from_half": 1,
    "half": 1,
    "fraction": 1,
    "times_power": 2,
    "unsigned_64": 1,
    "fused": 3,
}
_WORDS = {
    "NAME": "a name",
    "NUMBER": "a number",
    "INT": "a count",
    "ELEMENT": "a type such as i16 or f32",
    "REDUCE": "a sum or maximum",
    "ADD": "+ or -",
    "STAR": "*",
    "DIVIDE": "/ or //",
    "SHIFT": "<< or >>",
    "COMPARE": "a comparison",
    "BITWISE": "&, | or ^",
    "LPAR": "(",
    "RPAR": ")",
    "LSQB": "[",
    "RSQB": "]",
    "COMMA": ",",
    "COLON": ":",
    "EQUAL": "=",
    "FOR": "for",
    "LESSTHAN": "<",
    "_NL": "the end of the line",
    "__ANON_0": "->",
    "__ANON_1": "->",
}
_ALGORITHM_EXAMPLE = "y[r, n] = sum(k < K: x[r, k] * w[n, k])"
_INSTRUCTION_EXAMPLE = "add_i16(a: i16[8], b: i16[8]) -> i16[8] = a[i] + b[i]"


@dataclass(frozen=True)
class Type:
    """What an operand holds in a register, or behind a pointer: `lanes` elements (0: one scalar), or
    `rows` of `lanes` each (0: no rows)."""

    element: str
    lanes: int = 0
    pointer: bool = False
    rows: int = 0

    @property
    def bits(self) -> int:
        """Width of one element."""
        return 0 if self.element == "imm" else int(self.element.lstrip("iufb"))

    @property
    def shape(self) -> tuple[int, ...]:
        """Dimensions, rows first; () of a scalar."""
        return tuple(size for size in (self.rows, self.lanes) if size)

    def __str__(self) -> str:
        return f"{'*' * self.pointer}{self.element}{''.join(f'[{size}]' for size in self.shape)}"


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Name:
    name: str


@dataclass(frozen=True)
class Element:
    array: str
    indices: tuple


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple


@dataclass(frozen=True)
class Binary:
    operator: str
    left: object
    right: object


@dataclass(frozen=True)
class Reduction:
    operation: str
    index: str
    count: object
    body: object


@dataclass(frozen=True)
class Statement:
    """`array[indices] = value` for all indices."""

    array: str
    indices: tuple
    value: object
    span: Span


@dataclass(frozen=True)
class Algorithm:
    """Statements in order, over index ranges; `text` is the notation itself, dedented."""

    ranges: tuple[tuple[str, object], ...]
    statements: tuple[Statement, ...]
    text: str


@dataclass(frozen=True)
class Meaning:
    """What one instruction computes for lane `i` of its result, or for row `i` and column `j`."""

    name: str
    parameters: tuple[tuple[str, Type], ...]
    result: Type
    value: object
    text: str


def _check(node, span: Span, example: str) -> None:
    """Refuses functions that the notation does not have."""
    if isinstance(node, Call) and FUNCTIONS.get(node.function) != len(node.arguments):
        raise SpecError(
            span,
            f"{node.function} of {len(node.arguments)}",
            ", ".join(f"{name} of {count}" for name, count in FUNCTIONS.items()),
            example,
        )
    for inner in vars(node).values() if hasattr(node, "__dict__") else ():
        for each in inner if isinstance(inner, tuple) else (inner,):
            _check(each, span, example)


@cache
def _parser() -> Lark:
    return reading.grammar("index")


def _node(tree):
    """The expression of one parse tree."""
    if tree.data == "number":
        text = str(tree.children[0])
        return Number(int(text, 0) if text.isdigit() or text.startswith("0x") else float(text))
    if tree.data == "name":
        return Name(str(tree.children[0]))
    if tree.data == "element":
        return Element(str(tree.children[0]), tuple(_node(each) for each in tree.children[1:]))
    if tree.data == "call":
        return Call(str(tree.children[0]), tuple(_node(each) for each in tree.children[1:]))
    if tree.data == "unary":
        return Binary(str(tree.children[0]), Number(0), _node(tree.children[1]))
    if tree.data == "binary":
        left, operator, right = tree.children
        return Binary(str(operator), _node(left), _node(right))
    operation, bound, body = tree.children
    return Reduction(str(operation), str(bound.children[0]), _node(bound.children[1]), _node(body))


def _type(tree: Tree) -> Type:
    star, element, shape = tree.children
    rows, lanes = 0, 0
    if isinstance(shape, Tree):
        rows, lanes = (int(str(size or 0)) for size in shape.children)
    if not lanes:
        rows, lanes = 0, rows
    return Type(str(element), lanes, star is not None, rows)


def names_in(node) -> set[str]:
    """Names an expression uses as indices or parameters."""
    if isinstance(node, Name):
        return {node.name}
    if isinstance(node, Element):
        return {node.array} | set().union(*map(names_in, node.indices))
    if isinstance(node, Call):
        return set().union(*map(names_in, node.arguments))
    if isinstance(node, Binary):
        return names_in(node.left) | names_in(node.right)
    if isinstance(node, Reduction):
        return names_in(node.count) | (names_in(node.body) - {node.index})
    return set()


def read_algorithm(text: str, span: Span | None = None) -> Algorithm:
    """The algorithm of a kernel. Raises SpecError at the line of the text that is wrong."""
    start = reading.place(text, span or caller_span())
    tree = reading.read(_parser(), text, start, _WORDS, _ALGORITHM_EXAMPLE).children[0]
    if tree.data != "algorithm":
        raise SpecError(start, "an instruction", "statements", _ALGORITHM_EXAMPLE)
    ranges: list[tuple[str, object]] = []
    statements: list[Statement] = []
    for line in tree.children:
        if line.data == "ranges":
            ranges += [(str(each.children[0]), _node(each.children[1])) for each in line.children]
            continue
        array, *rest = line.children
        value = Statement(
            str(array),
            tuple(_node(each) for each in rest[:-1]),
            _node(rest[-1]),
            reading.inside(start, line.meta.line),
        )
        _check(value.value, value.span, _ALGORITHM_EXAMPLE)
        free = set().union(*map(names_in, value.indices)) - {name for name, _ in ranges}
        if free:
            raise SpecError(
                value.span,
                f"index {min(free)!r} without a range",
                "every index of the left side in `for`",
                f"for {min(free)} < {min(free).upper()}",
            )
        statements.append(value)
    lines = [line.strip() for line in text.strip().splitlines()]
    return Algorithm(tuple(ranges), tuple(statements), "\n".join(lines))


def read_meaning(text: str, span: Span | None = None) -> Meaning:
    """The meaning of an instruction. Raises SpecError at the line of the text that is wrong."""
    start = reading.place(text, span or caller_span())
    flat = " ".join(text.split())
    tree = reading.read(_parser(), flat, start, _WORDS, _INSTRUCTION_EXAMPLE).children[0]
    if tree.data != "instruction":
        raise SpecError(start, "a statement", "an instruction", _INSTRUCTION_EXAMPLE)
    name, *parameters, result, value = tree.children
    found = tuple((str(each.children[0]), _type(each.children[1])) for each in parameters if each)
    node = _node(value)
    _check(node, start, _INSTRUCTION_EXAMPLE)
    made = _type(result)
    unknown = names_in(node) - {each for each, _ in found} - set(INDICES[: len(made.shape)] or "i")
    if unknown:
        raise SpecError(
            start,
            f"operand {min(unknown)!r} in {flat!r}",
            "a parameter, or the index i of a lane, or i of a row and j of a column",
            _INSTRUCTION_EXAMPLE,
        )
    return Meaning(str(name), found, made, node, flat)
