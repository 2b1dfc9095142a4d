"""Scalars and addresses of the C that a schedule writes: text built from names and numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """An index or another scalar of C, built from names and numbers."""

    text: str
    atom: bool = True

    @property
    def inner(self) -> str:
        return self.text if self.atom else f"({self.text})"

    def __add__(self, other) -> Term:
        if type(other) is int and other == 0:
            return self
        return Term(f"{self.text} + {text_of(other)}", False)

    __radd__ = __add__

    def __sub__(self, other) -> Term:
        return Term(f"{self.text} - {inner_of(other)}", False)

    def __mul__(self, other) -> Term:
        if type(other) is int and other == 1:
            return self
        return Term(f"{self.inner} * {inner_of(other)}", False)

    __rmul__ = __mul__

    def __floordiv__(self, other) -> Term:
        return Term(f"{self.inner} / {inner_of(other)}", False)

    def __mod__(self, other) -> Term:
        return Term(f"{self.inner} % {inner_of(other)}", False)

    def __lt__(self, other) -> Term:
        return Term(f"{self.inner} < {inner_of(other)}", False)

    def __gt__(self, other) -> Term:
        return Term(f"{self.inner} > {inner_of(other)}", False)

    def equals(self, other: Term) -> Term:
        return Term(f"{self.inner} == {inner_of(other)}", False)

    def choose(self, then, otherwise):
        """`then` where this condition holds; both are scalars, or both addresses."""
        if isinstance(then, Pointer):
            text = f"({self.text} ? {then.text} : {otherwise.text})"
            return Pointer(text, then.element, then.writable)
        return Term(f"({self.text} ? {inner_of(then)} : {inner_of(otherwise)})")


class Named(int):
    """A number of the shape that C calls by its name: what is computed of it keeps how. To Python it is
    its value; text made of it as of any int, or by other operations, has the value."""

    text: str
    atom: bool

    def __new__(cls, value: int, text: str, atom: bool = True) -> Named:
        made = super().__new__(cls, value)
        made.text, made.atom = text, atom
        return made

    @property
    def inner(self) -> str:
        return self.text if self.atom else f"({self.text})"

    def __add__(self, other):
        if not isinstance(other, int):
            return NotImplemented
        if type(other) is int and other == 0:
            return self
        return Named(int(self) + int(other), f"{self.text} + {text_of(other)}", False)

    def __radd__(self, other):
        return Named(int(other) + int(self), f"{other} + {self.text}", False)

    def __mul__(self, other):
        if not isinstance(other, int):
            return NotImplemented
        return Named(int(self) * int(other), f"{self.inner} * {inner_of(other)}", False)

    def __rmul__(self, other):
        if other in (0, 1):
            return self if other else 0
        return Named(int(other) * int(self), f"{other} * {self.inner}", False)

    def __floordiv__(self, other):
        return Named(int(self) // int(other), f"{self.inner} / {inner_of(other)}", False)


def text_of(number) -> str:
    """An int or a scalar as C."""
    return str(number) if type(number) is int else number.text


def inner_of(number) -> str:
    """The same as an operand of a product."""
    return str(number) if type(number) is int else number.inner


MEMORY = {
    "u8": "uint8_t",
    "i8": "int8_t",
    "i16": "int16_t",
    "u16": "uint16_t",
    "i32": "int32_t",
    "u32": "uint32_t",
    "u64": "uint64_t",
    "i64": "int64_t",
    "bf16": "uint16_t",
    "f32": "float",
}


@dataclass(frozen=True)
class Pointer:
    """An address in C; adding counts elements."""

    text: str
    element: str
    writable: bool = False

    def __add__(self, offset) -> Pointer:
        if type(offset) is int and offset == 0:
            return self
        return Pointer(f"{self.text} + {text_of(offset)}", self.element, self.writable)

    def cast(self, element: str) -> Pointer:
        """The same address as a pointer to another element type."""
        const = "" if self.writable else "const "
        inner = f"({self.text})" if " " in self.text else self.text
        return Pointer(f"({const}{MEMORY[element]} *){inner}", element, self.writable)

    def at(self, index, element: str | None = None) -> Term:
        """The element at an index, as a scalar."""
        source = self.cast(element) if element and element != self.element else self
        inner = f"({source.text})" if " " in source.text else source.text
        return Term(f"{inner}[{text_of(index)}]")


def type_name(operand) -> str:
    """How an error names an operand that is not a vector."""
    return {Term: "a scalar", Pointer: "a pointer"}.get(type(operand), repr(operand))
