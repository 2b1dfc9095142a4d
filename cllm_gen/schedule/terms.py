"""Scalars and addresses of the C that a schedule writes: text built from names and numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """An index or another scalar of C, built from names and numbers."""

    text: str
    atom: bool = True

    def _of(self, other) -> str:
        return (
            str(other)
            if isinstance(other, int)
            else (other.text if other.atom else f"({other.text})")
        )

    @property
    def inner(self) -> str:
        return self.text if self.atom else f"({self.text})"

    def __add__(self, other) -> Term:
        if isinstance(other, int) and other == 0:
            return self
        return Term(f"{self.text} + {other if isinstance(other, int) else other.text}", False)

    __radd__ = __add__

    def __sub__(self, other) -> Term:
        return Term(f"{self.text} - {self._of(other)}", False)

    def __mul__(self, other) -> Term:
        if isinstance(other, int) and other == 1:
            return self
        return Term(f"{self.inner} * {self._of(other)}", False)

    __rmul__ = __mul__

    def __floordiv__(self, other) -> Term:
        return Term(f"{self.inner} / {self._of(other)}", False)

    def __mod__(self, other) -> Term:
        return Term(f"{self.inner} % {self._of(other)}", False)

    def __lt__(self, other) -> Term:
        return Term(f"{self.inner} < {self._of(other)}", False)

    def __gt__(self, other) -> Term:
        return Term(f"{self.inner} > {self._of(other)}", False)

    def equals(self, other: Term) -> Term:
        return Term(f"{self.inner} == {self._of(other)}", False)

    def choose(self, then, otherwise):
        """`then` where this condition holds; both are scalars, or both addresses."""
        if isinstance(then, Pointer):
            text = f"({self.text} ? {then.text} : {otherwise.text})"
            return Pointer(text, then.element, then.writable)
        return Term(f"({self.text} ? {self._of(then)} : {self._of(otherwise)})")


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
        if isinstance(offset, int) and offset == 0:
            return self
        text = str(offset) if isinstance(offset, int) else offset.text
        return Pointer(f"{self.text} + {text}", self.element, self.writable)

    def cast(self, element: str) -> Pointer:
        """The same address as a pointer to another element type."""
        const = "" if self.writable else "const "
        inner = f"({self.text})" if " " in self.text else self.text
        return Pointer(f"({const}{MEMORY[element]} *){inner}", element, self.writable)

    def at(self, index, element: str | None = None) -> Term:
        """The element at an index, as a scalar."""
        source = self.cast(element) if element and element != self.element else self
        inner = f"({source.text})" if " " in source.text else source.text
        return Term(f"{inner}[{index if isinstance(index, int) else index.text}]")


def type_name(operand) -> str:
    """How an error names an operand that is not a vector."""
    return {Term: "a scalar", Pointer: "a pointer"}.get(type(operand), repr(operand))
