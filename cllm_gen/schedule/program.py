"""A schedule is traced: its calls of instructions become C with intrinsics, type-checked against the
instruction set, counted, and its named values' lifetimes give the registers it needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cllm_gen.schedule.terms import MEMORY, Named, Pointer, Term, text_of, type_name
from cllm_gen.schedule.tiles import Tiles
from cllm_gen.source import SpecError, caller_span
from cllm_gen.spec.isa import Instruction, InstructionSet


@dataclass
class Value:
    """A vector: a named variable, or the expression of one instruction that is still to be used."""

    text: str
    c_type: str
    name: str = ""
    counts: Counter = field(default_factory=Counter)
    reads: tuple[str, ...] = ()
    used: bool = False
    place: str = ""  # of a tile made in place: its number


@dataclass
class _Life:
    """Where a named value was made and last used, as positions in the trace."""

    born: int
    loops: tuple[int, ...]
    last: int
    c_type: str
    assigned: bool = False


def _tiles_of(isa: InstructionSet) -> Tiles | None:
    file = isa.tiles
    return Tiles(file, file.tile) if file and file.tile else None


Names = set[str]


class Program:
    """What a schedule writes to. Every instruction of the set is a method:
    `p.add_i16(a, b)`. A result that is used twice must first be named with `let`."""

    def __init__(self, isa: InstructionSet, arguments: dict[str, str]):
        self.isa, self.table = isa, isa.table
        self.arguments = arguments
        self.lines: list[str] = []
        self.headers: set[str] = set()
        self.named: dict[str, int] = {}
        self.counts: Counter = Counter()
        self.rows = Term("rows")
        self._trips: list[int] = [1]
        self._scopes: list[set[str]] = [set(arguments)]
        self._position = 0
        self._loops: list[int] = []
        self._spans: dict[int, list[int]] = {}
        self._lives: list[_Life] = []
        self._alive: dict[str, _Life] = {}
        self._tiles = _tiles_of(isa)

    def __getattr__(self, name: str):
        instruction = self.__dict__.get("table", {}).get(name)
        if instruction is None:
            if name.startswith("__"):
                raise AttributeError(name)
            close = [
                each for each in sorted(self.table) if each.split("_")[0] == name.split("_")[0]
            ]
            raise SpecError(
                caller_span(),
                f"instruction {name}, which {self.isa.name} does not have",
                f"one of its instructions, such as {', '.join(close[:4] or sorted(self.table)[:4])}",
                'Instruction("_mm_...({a})", "' + name + '(a: ...) -> ...")',
            )
        return lambda *operands: self._call(instruction, operands)

    def has(self, name: str) -> bool:
        """Whether the set has an instruction, for schedules that several sets share."""
        return name in self.table

    def lanes(self, name: str) -> int:
        """Lanes of an instruction's result."""
        return self.table[name].read.result.lanes

    def _call(self, instruction: Instruction, operands: tuple) -> Value:
        parameters = instruction.read.parameters
        if len(operands) != len(parameters):
            raise SpecError(
                caller_span(),
                f"{instruction.name} with {len(operands)} operands",
                f"{len(parameters)}",
                instruction.meaning,
            )
        self.headers |= self.isa.headers_of(instruction)
        counts: Counter = Counter()
        reads: list[str] = []
        texts: dict[str, str] = {}
        for (name, type), operand in zip(parameters, operands):
            vector = type.lanes > 0 and not type.pointer
            held = isinstance(operand, Value)
            if (vector and not held) or (
                held and (type.pointer or operand.c_type != self.isa.c_type(type))
            ):
                raise SpecError(
                    caller_span(),
                    f"operand {name} of {instruction.name}: "
                    + (operand.c_type if held else type_name(operand)),
                    str(type),
                    instruction.meaning,
                )
            if held:
                texts[name] = self._use(operand, counts, reads)
                if type.rows:
                    texts[name] = self._number(operand)
            elif isinstance(operand, (Term, Named, Pointer)):
                texts[name] = operand.text
            elif isinstance(operand, float):
                texts[name] = f"{operand!r}f"
            else:
                texts[name] = str(operand) if operand != -(2**31) else "INT32_MIN"
        constant = all(isinstance(operand, (int, float)) for operand in operands)
        if not instruction.free and not constant:  # constants are made once, outside loops
            counts[instruction.name] += 1
        result = instruction.read.result
        c_type = "void" if result.pointer else self.isa.c_type(result)
        code = instruction.code
        for name, text in texts.items():
            code = code.replace("{" + name + "}", text)
        place = texts[parameters[0][0]] if instruction.in_place else ""
        return Value(code, c_type, counts=counts, reads=tuple(reads), place=place)

    def _number(self, tile: Value) -> str:
        """The number that code gives a tile operand."""
        if self._tiles is None or tile.name not in self._alive:
            raise SpecError(
                caller_span(),
                f"tile {tile.name or tile.text}",
                "a tile with a name",
                'a = p.let("a", p.load_tile_bf16(...))',
            )
        return str(self._tiles.number(tile.name))

    def _made(self, name: str, value: Value, declare: bool) -> str:
        """The statement that gives a variable a value, shown as @; a tile is filled by number."""
        if not self._tiles or value.c_type != self._tiles.file.c_type:
            return f"{value.c_type} {name} = @;" if declare else f"{name} = @;"
        number = str(self._tiles.number(name))
        if value.place not in ("", number):
            raise SpecError(
                caller_span(),
                f"{value.text} in tile {name}",
                f"the tile {value.place}, which it changes",
                "p.set(sum, p.multiply_tiles_bf16(sum, a, b))",
            )
        value.text = value.text.replace("{result}", number)
        return "@;"

    def _use(self, value: Value, counts: Counter, reads: list[str]) -> str:
        if value.name:
            reads.append(value.name)
            return value.name
        if value.used:
            raise SpecError(
                caller_span(),
                f"a second use of {value.text}",
                "a value with a name",
                'w = p.let("w", p.load_i8(...))',
            )
        value.used = True
        counts.update(value.counts)
        reads.extend(value.reads)
        return value.text

    def _statement(self, text: str, value: Value, target: str = "") -> None:
        counts: Counter = Counter()
        reads: list[str] = []
        expression = self._use(value, counts, reads)
        trip = 1
        for each in self._trips:
            trip *= each
        for name, count in counts.items():
            self.counts[name] += count * trip
        self._position += 1
        for name in reads:
            self._touch(name)
        self.lines.append(text.replace("@", expression))

    def _touch(self, name: str) -> None:
        life = self._alive.get(name)
        if life is None:
            return
        life.last = self._position
        inner = [loop for loop in self._loops if loop not in life.loops]
        if inner:
            self._spans.setdefault(inner[0], []).append(id(life))
            life.last = max(life.last, self._position)

    def let(self, name: str, value: Value) -> Value:
        """Declares a variable of the value's type. The name must be new in this scope."""
        if any(name in scope for scope in self._scopes):
            raise SpecError(
                caller_span(),
                f"a second {name}",
                "a name not yet used here",
                f'p.let("{name}_next", ...)',
            )
        self._scopes[-1].add(name)
        self._statement(self._made(name, value, True), value)
        life = _Life(self._position, tuple(self._loops), self._position, value.c_type)
        self._lives.append(life)
        self._alive[name] = life
        return Value(name, value.c_type, name)

    def set(self, variable: Value, value: Value) -> None:
        """Gives a variable a new value."""
        if not variable.name or variable.c_type != value.c_type:
            raise SpecError(
                caller_span(),
                f"{value.c_type} for {variable.text}",
                variable.c_type,
                "p.set(sum, p.add_i32(sum, x))",
            )
        self._statement(self._made(variable.name, value, False), value)
        self._touch(variable.name)
        self._alive[variable.name].assigned = True

    def add_product(self, total: Value, a: Value, b: Value) -> None:
        """total += a * b in floats, fused where the set can."""
        if self.has("multiply_add_f32"):
            self.set(total, self._call(self.table["multiply_add_f32"], (a, b, total)))
        else:
            self.set(total, self.add_f32(total, self.multiply_f32(a, b)))

    def across(self, value: Value, join) -> None:
        """Joins all lanes of a float value with `join`; the result is in every lane."""
        for part in ("pairs_of_registers", "registers", "halves", "pairs"):
            swap = f"swap_{part}_f32"
            if self.has(swap):
                self.set(value, join(value, self._call(self.table[swap], (value,))))

    def do(self, value: Value) -> None:
        """Runs an instruction that has no result: a store."""
        self._statement("@;", value)

    def index(self, name: str, term: Term) -> Term:
        """Names a scalar index."""
        self._scopes[-1].add(name)
        self.lines.append(f"size_t {name} = {term.text};")
        return Term(name)

    def scalar(self, name: str) -> Term:
        """A scalar argument or a named index."""
        return Term(name)

    def number(self, name: str, value: int, of: int) -> int:
        """A number that comes of a dimension: by its name, where C has the dimension by its own."""
        if not isinstance(of, Named):
            return value
        self.named[name] = int(value)
        return Named(int(value), name)

    def assign(self, name: Term, term: Term) -> None:
        """Gives a named index a new value."""
        self.lines.append(f"{name.text} = {term.text};")

    def minimum(self, name: str, a: Term, b: int) -> Term:
        """Names the lesser of an index and a constant."""
        self._scopes[-1].add(name)
        self.lines.append(f"size_t {name} = {a.text} < {b} ? {a.text} : {b};")
        return Term(name)

    def pointer(self, name: str, pointer: Pointer) -> Pointer:
        """Names an address."""
        const = "" if pointer.writable else "const "
        self._scopes[-1].add(name)
        self.lines.append(f"{const}{MEMORY[pointer.element]} *{name} = {pointer.text};")
        return Pointer(name, pointer.element, pointer.writable)

    def array(self, name: str, element: str, count: int) -> Pointer:
        """A local array on a 64-byte boundary."""
        self._scopes[-1].add(name)
        self.lines.append(f"{MEMORY[element]} {name}[{count}] __attribute__((aligned(64)));")
        return Pointer(name, element, True)

    def constants(self, name: str, element: str, values: list[int]) -> Pointer:
        """Constants in memory, on a 64-byte boundary."""
        self._scopes[-1].add(name)
        self.lines.append(
            f"static const {MEMORY[element]} {name}[{len(values)}] __attribute__((aligned(64))) = "
            f"{{{', '.join(map(str, values))}}};"
        )
        return Pointer(name, element)

    def argument(self, name: str, element: str) -> Pointer:
        """A pointer argument of the kernel, as a pointer to an element type."""
        kind = self.arguments[name]
        writable = kind.startswith("out")
        if kind.endswith("bytes"):
            return Pointer(
                f"({'' if writable else 'const '}{MEMORY[element]} *){name}", element, writable
            )
        return Pointer(name, element, writable)

    def ignore(self, name: str) -> None:
        """Says that an argument is not needed."""
        self.lines.append(f"(void){name};")

    def prefetch(self, place: Pointer) -> None:
        """Has the cache fetch the line at an address, which need not be mapped."""
        self.lines.append(f"__builtin_prefetch({place.text});")

    def note(self, text: str) -> None:
        """A comment in the generated code."""
        self.lines.append(f"/* {text} */")

    @contextmanager
    def tiles(self, name: str, rows: dict[str, Term | int]) -> Iterator[None]:
        """Shapes the tile registers for the steps inside: tile names with the rows that each holds,
        by a configuration in a local array `name`. Instructions leave rows beyond as zeros."""
        if self._tiles is None:
            raise SpecError(
                caller_span(),
                f"tiles in {self.isa.name}",
                "a set with tiles",
                "TileShape(16, 64, ...)",
            )
        self._scopes[-1].add(name)
        self.lines += self._tiles.configure(name, rows)
        yield
        self.lines.append(f"{self._tiles.shape.release};")

    @contextmanager
    def when(self, condition: Term, times: int | None = None) -> Iterator[None]:
        """`if (condition)`; counted as often as the loop around it, or `times` in all of its runs."""
        self.lines.append(f"if ({condition.text}) {{")
        with self._branch(times):
            yield
        self.lines.append("}")

    @contextmanager
    def otherwise(self, times: int | None = None) -> Iterator[None]:
        """The `else` of the `when` just before."""
        self.lines[-1] = "} else {"
        with self._branch(times):
            yield
        self.lines.append("}")

    @contextmanager
    def _branch(self, times: int | None) -> Iterator[None]:
        around = self._trips[-1]
        self._trips[-1] = around if times is None else times
        self._scopes.append(set())
        yield
        for gone in self._scopes.pop():
            self._alive.pop(gone, None)
        self._trips[-1] = around

    @contextmanager
    def loop(
        self, name: str, count, step: int = 1, start=0, unroll: bool = False
    ) -> Iterator[Term]:
        """`for (name = start; name < count; name += step)`; counted `count` times when constant.
        `unroll` has the compiler lay a constant loop out in full."""
        bound, first = text_of(count), text_of(start)
        increase = f"{name}++" if step == 1 else f"{name} += {text_of(step)}"
        if unroll:
            self.lines.append(f"#pragma GCC unroll {(int(count) - start + step - 1) // step}")
        self.lines.append(f"for (size_t {name} = {first}; {name} < {bound}; {increase}) {{")
        constant = isinstance(count, int) and isinstance(start, int)
        with self._repeated(
            {name}, (int(count) - int(start) + step - 1) // step if constant else 1
        ):
            yield Term(name)

    @contextmanager
    def repeat(self, condition: Term) -> Iterator[None]:
        """`while (condition)`; counted once."""
        self.lines.append(f"while ({condition.text}) {{")
        with self._repeated(set(), 1):
            yield

    @contextmanager
    def _repeated(self, names: Names, trips: int) -> Iterator[None]:
        """The body of a loop, in which values from outside live on to its end."""
        self._trips.append(trips)
        self._scopes.append(names)
        self._position += 1
        begin = self._position
        self._loops.append(begin)
        yield
        self._position += 1
        for life in self._lives:
            if id(life) in self._spans.get(begin, ()):
                life.last = max(life.last, self._position)
        for gone in self._scopes.pop():
            self._alive.pop(gone, None)
        self._loops.pop()
        self._trips.pop()
        self.lines.append("}")

    def tile_rows(
        self, *tiles: int, start: Term | int = 0, end: Term | None = None
    ) -> Iterator[tuple[Term, int]]:
        """Loops over the batch, or a part of it: for each of `tiles` that many rows at a time, the rest
        one by one."""
        together = [tile for tile in tiles if tile > 1]
        first, last = f"size_t r = {text_of(start)}", (end or self.rows).text
        if together:
            self.lines.append(f"{first};")
        for tile in together:
            self.lines.append(f"for (; r + {tile} <= {last}; r += {tile}) {{")
            yield from self._rows(tile)
        self.lines.append(f"for ({'' if together else first}; r < {last}; r++) {{")
        yield from self._rows(1)

    def _rows(self, tile: int) -> Iterator[tuple[Term, int]]:
        before = self.counts
        self.counts = Counter()
        with self._repeated(set(), 1):
            yield Term("r"), tile
        self.counts = before + self.counts if tile == 1 else before

    def registers(self) -> dict[str, int]:
        """The most named values of each C type alive at once."""
        peak: dict[str, int] = {}
        for position in {life.born for life in self._lives}:
            alive = Counter(
                life.c_type
                for life in self._lives
                if life.born <= position and position < max(life.last, life.born + 1)
            )
            for c_type, count in alive.items():
                peak[c_type] = max(peak.get(c_type, 0), count)
        return peak
