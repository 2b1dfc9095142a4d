"""Weights as bfloat16 panels, which tiles are loaded from: of each block of 32 inputs 16 rows of 64 bytes,
row i with inputs 2i and 2i + 1 of output 0, then of output 1, and so on to output 15.

A 32-bit lane of quants belongs to one output and holds four bytes, or eight nibbles, of as many inputs.
Each lane is doubled, and the copies rotated so that two neighbouring inputs come to the same bits;
there they are the mantissa of a power of two, 2^23 divided by the lowest bit's value. The float is
then power + quant, and one multiplication and addition makes d * quant + m of it. Eight outputs of
two vectors are rounded together to one row.
"""

from cllm_gen.schedule.weight_layout import TILE_ROWS, layout_of

BLOCK_ROW, BLOCK = 32, 512  # bfloat16 numbers in a row, and in a block
VECTOR = 64  # bytes
_BYTES = ("q8_0", "q6_k")  # types of signed bytes; the others have nibbles
_TURN = 128  # is added to signed bytes by turning their sign bit
_HALVES = {"low": range(8), "high": range(8, 16)}  # outputs of a tile


class Panels:
    """Makes panels of one type. Its constants are named in the program's present scope."""

    def __init__(self, p, type_name):
        self.p, self.layout = p, layout_of(type_name)
        self.type = self.layout.name
        self.signed = self.type in _BYTES
        self.fifth = self.type in ("q5_1", "q5_k")
        self.double = [
            self._lanes(f"double_{half}", [r for r in rows for _ in range(2)])
            for half, rows in _HALVES.items()
        ]
        self.places = (15,) if self.signed else (12, 16)  # of quants, the lowest bit
        self.turns = [
            self._lanes(f"turn{t}", [(16 * t + byte - self.places[0]) % 32 for byte in (0, 8)] * 8)
            for t in range(2)
        ]
        bits = 8 if self.signed else 4
        self.masks = [
            p.let(f"mask{place}", p.broadcast_i32((2**bits - 1) << place)) for place in self.places
        ]
        sign = 1 << 22 if self.signed else 0
        self.powers = [
            p.let(f"power{place}", p.broadcast_i32(150 - place << 23 | sign))
            for place in self.places
        ]
        self.fifths = [
            p.let(f"fifth{place}", p.broadcast_i32(1 << place + 4))
            for place in self.places
            if self.fifth
        ]

    def _lanes(self, name, values):
        return self.p.let(name, self.p.load_u32(self.p.constants(f"{name}_lanes", "u32", values)))

    @property
    def vectors(self):
        """Of quants in a block."""
        return 8 if self.signed else 4

    @property
    def pieces(self):
        """Into how many pieces the work on a block is parted, so that it mixes well with other work."""
        return 1 if self.fifth else 4

    @property
    def piece_bytes(self):
        """Of quants that a piece reads."""
        return self.vectors // self.pieces * VECTOR

    @property
    def piece_rows(self):
        """Elements of the panel from the first row of a piece to that of the next in its block."""
        return self.vectors // self.pieces * 2 * BLOCK_ROW

    @property
    def sharing(self):
        """How many pieces, one after the other, share their scales."""
        return self.pieces // 2 if self.type == "q6_k" else self.pieces

    def declare(self):
        """Names the scales, which pieces share."""
        p = self.p
        zero = p.zero_f32
        self.d = [p.let(f"d{h}", zero()) for h in range(2)]
        self.starts = [
            [p.let(f"start{h}_{place}", zero()) for place in self.places] for h in range(2)
        ]

    def read_scales(self, records, half):
        """Of both halves of the outputs: d, and for each place of quants what makes m of the power with
        d. Of a type with scales for halves of a block, those of `half`."""
        p = self.p
        for h in range(2):
            p.set(self.d[h], p.permute_f32(self._record(records, half), self.double[h]))
            for place, start in zip(self.places, self.starts[h]):
                base = p.broadcast_f32(-float(2 ** (23 - place) + _TURN * self.signed))
                if self.signed:
                    p.set(start, p.multiply_f32(self.d[h], base))
                else:
                    m = p.permute_f32(self._record(records, 1), self.double[h])
                    p.set(start, p.multiply_add_f32(self.d[h], base, m))

    def fill(self, quants, rows):
        """Makes one piece by the scales that were read last."""
        bits = self._fifth_bits(quants) if self.fifth else None
        for v in range(self.vectors // self.pieces):
            self._vector(v, quants, bits, rows)

    def _record(self, records, index):
        """One number of each output from a block's record, as floats."""
        p = self.p
        if self.layout.record_bytes == 128:
            return p.load_f32((records + index * (4 * TILE_ROWS)).cast("f32"))
        return p.load_f16((records + index * (2 * TILE_ROWS)).cast("u16"))

    def _fifth_bits(self, quants):
        """Of each turn and half of the outputs the bits of a block's inputs; see schedule/weight_layout.py."""
        p = self.p
        fifths = p.let("fifths", p.load_u32((quants + 4 * VECTOR).cast("u32")))
        return [
            [
                p.let(
                    f"bits{t}_{h}",
                    p.rotate_right_u32(p.permute_u32(fifths, self.double[h]), self.turns[t]),
                )
                for h in range(2)
            ]
            for t in range(2)
        ]

    def _vector(self, v, quants, bits, rows):
        """Stores the rows for one vector of quants."""
        p = self.p
        packed = p.let(f"packed{v}", p.load_u32((quants + VECTOR * v).cast("u32")))
        halves = [p.let(f"half{v}_{h}", p.permute_u32(packed, self.double[h])) for h in range(2)]
        for t in range(2):
            turned = [
                p.let(f"turned{v}_{t}_{h}", p.rotate_right_u32(halves[h], self.turns[t]))
                for h in range(2)
            ]
            above = [
                p.let(f"above{v}_{t}_{h}", p.shift_left_u32(bits[t][h], 4 - v))
                for h in range(2)
                if bits
            ]
            for n in range(len(self.places)):
                values = []
                for h in range(2):
                    x = p.masked_xor_u32(turned[h], self.masks[n], self.powers[n])
                    if bits:
                        x = p.masked_xor_u32(above[h], self.fifths[n], x)
                    values.append(p.multiply_add_f32(p.as_f32(x), self.d[h], self.starts[h][n]))
                row = 8 * n + 2 * v + t
                p.do(p.store_bf16(rows + BLOCK_ROW * row, p.round_bf16(*values)))
