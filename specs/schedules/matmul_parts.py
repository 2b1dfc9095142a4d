"""Matrix kernels in products of bytes and parts of activations, for sets with `multiply_pairs_u8` of any width: a vector holds four
unsigned bytes of each of its outputs; one instruction multiplies them by four signed ones and sums
pairs in 16 bits.

A byte of weights is two nibbles, low + 16 * high, of inputs i and 16 + i, for which there are two
activations of ten bits. These would be four signed bytes; three do (PARTS in activations.py):

    low * q[i] + high * q[16 + i] = (low + 16 * high) * both + high * second + 8 * low * first

of which the first product needs no unpacking. Bounds, for |q| <= 508: |both| <= 36, |first| <= 68,
|second| <= 72. A pair of the first products is at most 2 * 255 * 36 < 2^15. Of the first two kinds eight
pairs are summed modulo 2^16; what they stand for, four times low * both + high * q[16 + i], is at most
4 * 15 * (36 + 508) < 2^15.

Quants of five bits or signed bytes do not fit such sums. For these a block of activations is joined to
16 bits again, and multiplied as matmul_panels.py does.
"""

from cllm_gen.schedule.weight_layout import TILE_ROWS
from specs.isa.ssse3 import ssse3
from specs.schedules import activations as at
from specs.schedules.matmul_chunks import chunks
from specs.schedules.matmul_panels import Sixteens

_ROW = 4 * TILE_ROWS  # bytes of weights that four activations belong to
_WHOLE, _LOW, _HIGH = range(3)  # forms of a byte of weights, in the order of a panel


class Parts:
    """The form of nibbles; see matmul_chunks.py."""

    panel_bytes = 12 * _ROW

    def __init__(self, p, type_name):
        self.p = p
        self.lanes = p.lanes("add_f32")
        self.vectors = range(TILE_ROWS // self.lanes)

    def _forms(self, block, v, c):
        """The forms of bytes 4v to 4v + 3 of vector c's outputs."""
        p = self.p
        both = p.let(f"both{c}", p.load_i8(block + (v * _ROW + 4 * self.lanes * c)))
        low = p.and_i32(both, p.broadcast_i8(15))
        high = p.and_i32(p.shift_right_u16(both, 4), p.broadcast_i8(15))
        return both, low, high

    def unpack(self, block, panel):
        p = self.p
        with p.loop("v", 4) as v:
            out = p.pointer("out", (panel + v * _ROW).cast("i8"))
            for c in self.vectors:
                for form, weights in enumerate(self._forms(block, v, c)):
                    p.do(p.store_i8(out + (4 * form * _ROW + 4 * self.lanes * c), weights))

    def activations(self, x):
        return x

    def _four(self, x, place, v):
        return self.p.broadcast_i32((x + place).cast("i32").at(v))

    def _declared(self, name):
        return {c: self.p.let(f"{name}_{c}", self.p.zero_i32()) for c in self.vectors}

    def _added(self, total, weights, four):
        self.p.set(total, self.p.add_i16(total, self.p.multiply_pairs_u8(weights, four)))

    def _widened(self, dots, sums, weight):
        """Adds sums of 16 bits, each by its weight, to dots of 32; then they start again."""
        p = self.p
        for c, total in sums.items():
            wide = p.multiply_pairs_i16(total, p.broadcast_i16(weight))
            p.set(dots[c], p.add_i32(dots[c], wide))
            p.set(total, p.zero_i32())

    def dots(self, panel, x):
        p = self.p
        dots = self._declared("dot")

        def multiply(sums, form, place, first, last, name):
            with p.loop("v", last, start=first, unroll=True) as v:
                four = p.let(name, self._four(x, place, v))
                for c, total in sums.items():
                    w = p.load_i8(panel + ((4 * form + v) * _ROW + 4 * self.lanes * c))
                    self._added(total, w, four)

        sums = self._declared("sum")
        for first in (0, 2):
            multiply(sums, _WHOLE, at.BOTH, first, first + 2, "x_whole")
            multiply(sums, _HIGH, at.SECOND, first, first + 2, "x_high")
            self._widened(dots, sums, 1)
        multiply(sums, _LOW, at.FIRST, 0, 4, "x_low")
        self._widened(dots, sums, 8)
        return [dots]

    def direct(self, block, x):
        p = self.p
        dots, sums = self._declared("dot"), self._declared("sum")
        firsts = self._declared("low_sum")
        for first in (0, 2):
            with p.loop("v", first + 2, start=first, unroll=True) as v:
                for c in self.vectors:
                    both, low, high = self._forms(block, v, c)
                    high = p.let(f"high{c}", high)
                    self._added(firsts[c], low, self._four(x, at.FIRST, v))
                    self._added(sums[c], both, self._four(x, at.BOTH, v))
                    self._added(sums[c], high, self._four(x, at.SECOND, v))
            self._widened(dots, sums, 1)
        self._widened(dots, firsts, 8)
        return [dots]


class Joined(Sixteens):
    """The form of five bits and signed bytes: activations of 16 bits, joined of their parts."""

    def activations(self, x):
        """The pairs that begin with even inputs, and then the others; in an array."""
        p = self.p
        pairs = p.array("pairs", "i32", 16)
        factors = [
            p.constants(name, "i16", [low] * 8 + [high] * 8).cast("i8")
            for name, low, high in (("both_factors", 1, 16), ("rest_factors", 8, 1))
        ]
        for n in range(0, 32, 4 * self.lanes):
            parts = [
                p.let(f"{name}{n}", p.load_i8((x + (place + n)).cast("i8")))
                for name, place in (("both", at.BOTH), ("rest", at.FIRST))
            ]
            evens, odds = [], []
            for part, factor in zip(parts, factors):
                even = p.shift_right_i16(p.shift_left_u16(part, 8), 8)
                evens.append(p.multiply_i16(even, p.load_i8(factor + n)))
                odds.append(p.multiply_i16(p.shift_right_i16(part, 8), p.load_i8(factor + n)))
            p.do(p.store_i8(pairs.cast("i8") + n, p.add_i16(*evens)))
            p.do(p.store_i8(pairs.cast("i8") + (32 + n), p.add_i16(*odds)))
        return pairs

    def _pair(self, x, v, index):
        half, odd = divmod(index, 8)
        return self.p.broadcast_i32(x.at(v + (4 * half + 8 * odd)))


_SHARED = "32 rows share unpacked weights"
PARTS = {
    "ssse3": (
        ssse3,
        chunks(Parts),
        f"4 outputs a vector, sums of byte products; {_SHARED}",
    )
}
JOINED = {
    "ssse3": (
        ssse3,
        chunks(Joined),
        f"4 outputs a vector, 16-bit products of joined activations; {_SHARED}",
    )
}
