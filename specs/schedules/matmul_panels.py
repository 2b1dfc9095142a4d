"""Matrix kernels in products of 16 bits with weights in panels: pairs of 16 bits, four outputs a vector, in
the order of a block's pairs of activations."""

from cllm_gen.schedule.weight_layout import TILE_ROWS
from specs.isa.sse2 import sse2
from specs.schedules import activations as at
from specs.schedules.matmul_chunks import chunks
from specs.schedules.matmul_pairs import FIFTH, NIBBLES, nibbles, signed_bytes

PAIRS = 16  # of a block
_ROW = 4 * TILE_ROWS  # bytes of a panel that one pair of activations belongs to


class Sixteens:
    """The form; see matmul_chunks.py."""

    panel_bytes = PAIRS * _ROW

    def __init__(self, p, type_name):
        self.p, self.type = p, type_name
        self.lanes = p.lanes("add_f32")
        self.vectors = range(TILE_ROWS // self.lanes)
        self.quants = 4 if type_name in NIBBLES else 8  # vectors of 64 bytes
        self.halves = 2 if type_name == "q6_k" else 1

    def _fifths(self, block):
        """Named vectors of fifth bits."""
        if self.type not in FIFTH:
            return {}
        p = self.p
        return {
            c: p.let(f"fifth{c}", p.load_i8(block + (256 + 4 * self.lanes * c)))
            for c in self.vectors
        }

    def _wide(self, block, v, c, fifths):
        """The pairs of vector v of the block's quants by their offset from 2v."""
        q = self.p.let(f"q{c}", self.p.load_i8(block + (v * 64 + 4 * self.lanes * c)))
        if self.type in NIBBLES:
            return nibbles(self.p, q, fifths.get(c))
        return signed_bytes(self.p, q)

    def _next(self, fifths):
        for fifth in fifths.values():
            self.p.set(fifth, self.p.shift_right_u16(fifth, 1))

    def unpack(self, block, panel):
        p = self.p
        fifths = self._fifths(block)
        with p.loop("v", self.quants) as v:
            out = p.pointer("out", (panel + v * (2 * _ROW)).cast("i8"))
            for c in self.vectors:
                for index, wide in self._wide(block, v, c, fifths).items():
                    p.do(p.store_i8(out + (index * _ROW + 4 * self.lanes * c), wide))
            self._next(fifths)

    def activations(self, x):
        return (x + at.PAIRS).cast("i32")

    def _pair(self, x, v, index):
        """The pair of activations at 2v + index."""
        return self.p.broadcast_i32(x.at(2 * v + index))

    def _declared(self, half):
        p = self.p
        return {c: p.let(f"dot{half}_{c}", p.zero_i32()) for c in self.vectors}

    def dots(self, panel, x):
        p, found = self.p, []
        for half in range(self.halves):
            dots = self._declared(half)
            count = PAIRS // 2 // self.halves
            with p.loop("v", (half + 1) * count, start=half * count, unroll=True) as v:
                for index in range(2):
                    pair = p.let(f"pair{index}", self._pair(x, v, index))
                    for c, dot in dots.items():
                        w = p.load_i8(panel + ((2 * v + index) * _ROW + 4 * self.lanes * c))
                        p.set(dot, p.add_i32(dot, p.multiply_pairs_i16(w, pair)))
            found.append(dots)
        return found

    def direct(self, block, x):
        p, found = self.p, []
        fifths = self._fifths(block)
        count = self.quants // self.halves
        for half in range(self.halves):
            dots = self._declared(half)
            with p.loop("v", (half + 1) * count, start=half * count, unroll=True) as v:
                for c, dot in dots.items():
                    for index, wide in self._wide(block, v, c, fifths).items():
                        w = p.let(f"w{c}_{index}", wide)
                        pair = self._pair(x, v, index)
                        p.set(dot, p.add_i32(dot, p.multiply_pairs_i16(w, pair)))
                self._next(fifths)
            found.append(dots)
        return found


PANELS = {
    "sse2": (
        sse2,
        chunks(Sixteens),
        "4 outputs a vector, 16-bit products; 32 rows share unpacked weights",
    )
}
