"""Matrix kernels in products of bytes, for sets with `multiply_pairs_u8` of any width: a vector holds four
unsigned quants of each of its outputs; one instruction multiplies them by four signed bytes and sums
pairs in 16 bits, where eight pairs of nibbles fit, or four of five bits: 8 * 2 * 15 * 127 and
4 * 2 * 31 * 127 are below 2^15. So a block's pairs are summed before they are widened to 32 bits.

An activation is 128 * high + low, and where one byte is enough (the model's plan says where) the
former alone, at half the products.

Signed bytes as quants would not fit: two products of 255 by 127 are more than 16 bits hold. For these
a block of activations is joined to 16 bits again, and multiplied as matmul_panels.py does.
"""

from cllm_gen.schedule.weight_layout import TILE_ROWS
from specs.isa.ssse3 import ssse3
from specs.schedules import activations as at
from specs.schedules.matmul_chunks import chunks
from specs.schedules.matmul_pairs import FIFTH
from specs.schedules.matmul_panels import Sixteens

_FOURS = 8  # of a block's inputs
_ROW = 4 * TILE_ROWS  # bytes of quants that four activations belong to
_PARTS = ((at.HIGHS, 128), (at.LOWS, 1))  # where a part of activations is, and what it counts


class Bytes:
    """The form of nibbles, with or without a fifth bit; see matmul_chunks.py."""

    panel_bytes = _FOURS * _ROW

    def __init__(self, p, type_name):
        self.p, self.type = p, type_name
        self.lanes = p.lanes("add_f32")
        self.vectors = range(TILE_ROWS // self.lanes)
        self.fifth = type_name in FIFTH

    def _fifths(self, block, vectors):
        """Named vectors of fifth bits."""
        p = self.p
        if not self.fifth:
            return {}
        return {
            c: p.let(f"fifth{c}", p.load_i8(block + (4 * _ROW + 4 * self.lanes * c)))
            for c in vectors
        }

    def _quants(self, block, v, c, fifths):
        """Inputs 4v to 4v + 3 of vector c's outputs, and those 16 further on, as unsigned bytes."""
        p = self.p
        both = p.let(f"q{c}", p.load_i8(block + (v * _ROW + 4 * self.lanes * c)))
        low = p.and_i32(both, p.broadcast_i8(15))
        high = p.and_i32(p.shift_right_u16(both, 4), p.broadcast_i8(15))
        if c in fifths:
            fifth = fifths[c]
            low = p.or_i32(low, p.and_i32(p.shift_left_u16(fifth, 4), p.broadcast_i8(16)))
            high = p.or_i32(high, p.and_i32(fifth, p.broadcast_i8(16)))
        return low, high

    def _next(self, fifths):
        """Brings the fifth bits of the next vector of quants where this one's were."""
        for fifth in fifths.values():
            self.p.set(fifth, self.p.shift_right_u16(fifth, 1))

    def unpack(self, block, panel):
        p = self.p
        fifths = self._fifths(block, self.vectors)
        with p.loop("v", 4) as v:
            out = p.pointer("out", (panel + v * _ROW).cast("i8"))
            for c in self.vectors:
                for half, quants in enumerate(self._quants(block, v, c, fifths)):
                    p.do(p.store_i8(out + (4 * half * _ROW + 4 * self.lanes * c), quants))
            self._next(fifths)

    def activations(self, x):
        return x

    def places(self, exact):
        return (at.SCALE, at.SCALE_SUM) if exact else (at.HIGH_SCALE, at.HIGH_SUM)

    def _parts(self, exact):
        """Which bytes of an activation are multiplied, and what each counts. A high byte alone has a
        scale of its own."""
        return _PARTS if exact else ((at.HIGHS, 1),)

    def _widened(self, sums, weight):
        return self.p.multiply_pairs_i16(sums, self.p.broadcast_i16(weight))

    def dots(self, panel, x, exact):
        p, found = self.p, {}
        groups = ((0, 4), (4, 8)) if self.fifth else ((0, 8),)
        for place, weight in self._parts(exact):
            for first, last in groups:
                name = f"{place}_{first}"
                sums = {c: p.let(f"sum{name}_{c}", p.zero_i32()) for c in self.vectors}
                with p.loop("k", last, start=first, unroll=True) as k:
                    four = p.let("four", p.broadcast_i32((x + place).cast("i32").at(k)))
                    for c, total in sums.items():
                        w = p.load_i8(panel + (k * _ROW + 4 * self.lanes * c))
                        p.set(total, p.add_i16(total, p.multiply_pairs_u8(w, four)))
                for c, total in sums.items():
                    wide = self._widened(total, weight)
                    found[c] = p.let(f"dot{name}_{c}", self._added(found.get(c), wide))
        return [found]

    def _added(self, total, more):
        return more if total is None else self.p.add_i32(total, more)

    def direct(self, block, x, exact, vectors):
        p, parts = self.p, self._parts(exact)
        fifths = self._fifths(block, vectors)
        sums = {
            (c, part, half): p.let(f"sum{c}_{part}_{half}", p.zero_i32())
            for c in vectors
            for part in range(len(parts))
            for half in range(1 + self.fifth)
        }
        with p.loop("v", 4, unroll=True) as v:
            for c in vectors:
                for half, quants in enumerate(self._quants(block, v, c, fifths)):
                    w = p.let(f"w{c}_{half}", quants)
                    for part, (place, _) in enumerate(parts):
                        total = sums[c, part, half * self.fifth]
                        four = p.broadcast_i32((x + place).cast("i32").at(v + 4 * half))
                        p.set(total, p.add_i16(total, p.multiply_pairs_u8(w, four)))
            self._next(fifths)
        found = {}
        for (c, part, half), total in sums.items():
            wide = self._widened(total, parts[part][1])
            found[c] = p.let(f"dot{c}_{part}_{half}", self._added(found.get(c), wide))
        return [found]


class Joined(Sixteens):
    """The form of signed bytes: activations of 16 bits, joined of their two bytes."""

    def activations(self, x):
        """The pairs that begin with even inputs, and then the others; in an array."""
        p = self.p
        pairs = p.array("pairs", "i32", 16)
        width = 4 * self.lanes  # bytes of a vector
        for n in range(0, 32, width):
            high = p.let(f"high{n}", p.load_i8((x + (at.HIGHS + n)).cast("i8")))
            low = p.let(f"low{n}", p.load_i8((x + (at.LOWS + n)).cast("i8")))
            even = p.add_i16(
                p.shift_right_i16(p.shift_left_u16(high, 8), 1),
                p.shift_right_i16(p.shift_left_u16(low, 8), 8),
            )
            odd = p.add_i16(
                p.shift_left_u16(p.shift_right_i16(high, 8), 7), p.shift_right_i16(low, 8)
            )
            p.do(p.store_i8(pairs.cast("i8") + n, even))
            p.do(p.store_i8(pairs.cast("i8") + (32 + n), odd))
        return pairs

    def _pair(self, x, v, index):
        return self.p.broadcast_i32(x.at(v + 8 * index))


_SHARED = "32 rows share unpacked weights"
BYTES = {
    "ssse3": (
        ssse3,
        chunks(Bytes),
        f"4 outputs a vector, sums of byte products; {_SHARED}",
        ("bytes", "wide"),
    )
}
JOINED = {
    "ssse3": (
        ssse3,
        chunks(Joined),
        f"4 outputs a vector, 16-bit products of joined bytes; {_SHARED}",
    )
}
