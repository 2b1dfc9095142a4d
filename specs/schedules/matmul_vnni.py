"""Matrix kernels with VNNI: a vector holds four quants of each of a tile's 16 outputs; one
instruction multiplies them, as unsigned bytes, by four activations and sums into 32 bits.

An activation is two signed bytes, 128 * high + low, so a dot product is 128 times its sum over the
high bytes plus its sum over the low ones; where one byte is enough (the model's plan says where) it is
the former alone, at half the products. Signed quants become unsigned by turning their sign bit,
which adds 128 to each; their sums start at -128 times the sum of x.

A row alone has sums of their own for both halves of a block, so that no product waits for the one
before, and leaves the high half of a byte where it lies: 16 * q. Two vectors share every activation
that is loaded: neighbouring tiles, or the same tile of gate and up. Weights come from memory at full
speed only when asked for early: each block fetches what comes two tiles later.
"""

from dataclasses import dataclass

from cllm_gen.schedule.terms import Term
from cllm_gen.schedule.weight_layout import TILE_ROWS, layout_of
from specs.isa.avx512 import avx512
from specs.schedules import activations as at
from specs.schedules.matmul_pairs import FIFTH, NIBBLES
from specs.schedules.matmul_results import finish, matrices

LINE = 64


class _Quants:
    """Quants of inputs 4v to 4v + 3, and of those 16 further on, as two vectors of unsigned bytes.
    `alone`: they are for one row."""

    def __init__(self, p, type_name, alone):
        self.p, self.type, self.alone = p, type_name, alone
        self.signed = type_name not in NIBBLES
        self.raised = alone and type_name in NIBBLES and type_name not in FIFTH
        """The second vector is 16 * q."""
        self.fifths = {}

    def begin(self, c, block):
        """Before the first vectors of a block of tile c."""
        if self.type in FIFTH:
            self.fifths[c] = self.p.let(f"fifth{c}", self.p.load_i8(block + 4 * LINE))

    def unpack(self, c, block, v):
        p, name = self.p, f"q{c}"
        if self.signed:
            found = []
            for part, place in (("low", 0), ("high", 4 * LINE)):
                q = p.load_i8(block + (v * LINE + place))
                found.append(p.let(f"{name}_{part}", p.xor_i32(q, p.broadcast_i8(-128))))
            return found
        both = p.let(name, p.load_i8(block + v * LINE))
        low = p.and_i32(both, p.broadcast_i8(15))
        if self.raised:
            high = p.and_i32(both, p.broadcast_i8(-16))
        else:
            high = p.and_i32(p.shift_right_u16(both, 4), p.broadcast_i8(15))
        if c in self.fifths:
            low, high = self._with_fifths(c, low, high)
        return [p.let(f"{name}_low", low), p.let(f"{name}_high", high)]

    def _with_fifths(self, c, low, high):
        """Bits 0 and 4 of the fifth bits belong to these vectors; then the next ones' come there."""
        p, fifth = self.p, self.fifths[c]
        first = p.let(f"first{c}", p.and_i32(p.shift_left_u16(fifth, 4), p.broadcast_i8(16)))
        second = p.let(f"second{c}", p.and_i32(fifth, p.broadcast_i8(16)))
        p.set(fifth, p.shift_right_u16(fifth, 1))
        return p.or_i32(low, first), p.or_i32(high, second)


@dataclass(frozen=True)
class _Form:
    """Which bytes of an activation are multiplied, by name and place, the last having the start of
    sums; and the places of what goes with them."""

    parts: tuple[tuple[str, int], ...]
    scale: int
    scale_sum: int
    start: int
    start_of_halves: int


_ONE_BYTE = _Form((("high", at.HIGHS),), *at.HIGH)
_TWO_BYTES = _Form((("high", at.HIGHS), ("low", at.LOWS)), *at.WHOLE)


def _dots(p, type_name, form, blocks, records):
    """dots[i][c]: the products of row i's block with tile c's, 32-bit integers; of each half of the
    block where halves have scales of their own."""
    alone, apart = len(records) == 1, type_name == "q6_k"
    quants = _Quants(p, type_name, alone)
    chains = 2 if alone or apart else 1

    def start(record, part, chain):
        if quants.signed and part == form.parts[-1][0]:
            place = form.start_of_halves + 4 * chain if chains > 1 else form.start
            return p.broadcast_i32((record + place).at(0, "i32"))
        return p.zero_i32()

    sums = [
        [
            [
                [p.let(f"{part}{i}_{c}_{n}", start(record, part, n)) for n in range(chains)]
                for part, _ in form.parts
            ]
            for c in range(len(blocks))
        ]
        for i, record in enumerate(records)
    ]
    for c, block in enumerate(blocks):
        quants.begin(c, block)
    with p.loop("v", 4, unroll=True) as v:
        weights = [quants.unpack(c, block, v) for c, block in enumerate(blocks)]
        for half in range(2):
            for i, record in enumerate(records):
                for part, (_, place) in enumerate(form.parts):
                    four = (record + place).cast("i32").at(v + 4 * half)
                    x = p.let(f"four{i}_{half}_{part}", p.broadcast_i32(four))
                    for c, each in enumerate(weights):
                        total = sums[i][c][part][half % chains]
                        p.set(total, p.add_fours_u8(total, each[half], x))
    wholes = [[[_whole(p, *chain) for chain in zip(*parts)] for parts in row] for row in sums]
    if apart or chains == 1:
        return wholes
    if quants.raised:
        return [[[p.add_i32(a, p.shift_right_i32(b, 4))] for a, b in row] for row in wholes]
    return [[[p.add_i32(a, b)] for a, b in row] for row in wholes]


def _whole(p, high, low=None):
    return high if low is None else p.add_i32(p.shift_left_u32(high, 7), low)


def _scales(p, type_name, tile, b, K, c):
    """The scales of a block of tile c: those of its dots, and its minima or None."""
    layout = layout_of(type_name)
    record = tile + (b * layout.record_bytes + layout.records_at(K))
    halves = layout.record_bytes <= LINE
    record = p.pointer(f"scales{c}", record.cast("u16" if halves else "f32"))
    load = p.load_f16 if halves else p.load_f32
    names = ["d", "m"] if type_name in NIBBLES else ["d", "e"] if type_name == "q6_k" else ["d"]
    loaded = [p.let(f"{name}{c}", load(record + n * TILE_ROWS)) for n, name in enumerate(names)]
    return (loaded[:1], loaded[1]) if type_name in NIBBLES else (loaded, None)


def _sums(p, type_name, wide, K, tiles, size, x, stride, count):
    """sums[i][c]: the products of row i with tile c, floats. Of the blocks in `wide` two bytes of each
    activation are multiplied, of others one; of all two if it is None."""
    layout = layout_of(type_name)
    block_bytes = layout.quant_bytes + layout.record_bytes
    sums = [[p.let(f"sum{i}_{c}", p.zero_f32()) for c in range(len(tiles))] for i in range(count)]
    with p.loop("b", K // 32) as b:
        for tile in tiles:
            for line in range(0, block_bytes, LINE):
                p.prefetch(tile + (b * block_bytes + (2 * size + line)))
        blocks = [
            p.pointer(f"block{c}", tile + b * layout.quant_bytes) for c, tile in enumerate(tiles)
        ]
        records = [p.pointer(f"x{i}", x + (b * at.BLOCK_BYTES + i * stride)) for i in range(count)]

        def add(form):
            dots = _dots(p, type_name, form, blocks, records)
            for c, tile in enumerate(tiles):
                scales, minima = _scales(p, type_name, tile, b, K, c)
                for i, record in enumerate(records):
                    for dot, d in zip(dots[i][c], scales):
                        scale = p.broadcast_f32((record + form.scale).at(0, "f32"))
                        p.add_product(sums[i][c], p.multiply_f32(p.to_f32(dot), d), scale)
                    if minima:
                        total = p.broadcast_f32((record + form.scale_sum).at(0, "f32"))
                        p.add_product(sums[i][c], minima, total)

        if not wide:
            add(_TWO_BYTES if wide is None else _ONE_BYTE)
        else:
            with p.when(_among(b, wide), times=len(wide)):
                add(_TWO_BYTES)
            with p.otherwise(times=K // 32 - len(wide)):
                add(_ONE_BYTE)
    return sums


def _among(b, blocks):
    """Whether a block is one of some."""
    mask = sum(1 << each for each in blocks)
    return Term(f"{b.text} < 64 && UINT64_C({mask:#x}) >> {b.text} & 1")


def _steps(operation, type_name):
    layout, names = layout_of(type_name), matrices(operation)
    together: tuple[int, ...] = (2,) if type_name == "q6_k" else (4, 2)

    def matmul(p, N, K, bytes=2, wide=()):
        exact = None if bytes == 2 else wide
        size = p.number("TILE_BYTES", layout.tile_bytes(K), K)
        stride = p.number("ROW_BYTES", at.quantized_bytes(K), K)
        first, last = p.scalar("first"), p.scalar("last")
        passes = [(first, last, 1, together)]
        if len(names) == 1:
            pairs = p.index("pairs", last - (last - first) % 2)
            passes = [(first, pairs, 2, together), (pairs, last, 1, ())]
        for start, end, width, rows in passes:
            with p.loop("tile", end, step=width, start=start) as tile:
                tiles = [
                    p.pointer(f"{name}{c}", p.argument(name, "u8") + (tile + c) * size)
                    for name in names
                    for c in range(width)
                ]
                for r, count in p.tile_rows(*rows):
                    x = p.pointer("x", p.argument("q", "u8") + (r * stride + at.ROW_HEADER))
                    rows_of = _sums(p, type_name, exact, K, tiles, size, x, stride, count)
                    for i, row in enumerate(rows_of):
                        y = p.argument("y", "f32") + ((r + i) * N + tile * TILE_ROWS)
                        sums = [row] if len(names) == 1 else [[each] for each in row]
                        finish(p, operation, sums, p.pointer(f"y{i}", y))

    return matmul


VNNI = {
    "avx512": (
        avx512,
        _steps,
        "16 outputs a vector, sums of four byte products; rows in fours or pairs share weights",
        ("bytes", "wide"),
    )
}
