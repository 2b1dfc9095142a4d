"""Matrix kernels with VNNI: a vector holds four quants of each of a tile's 16 outputs; one
instruction multiplies them, as unsigned bytes, by four activations and sums into 32 bits.

Four activations of a block have a high byte beside the low one (see activations.py): their quants are
unpacked and multiplied once more, which comes to nine products for eight vectors; a dot product is
128 times that sum plus those of the low bytes. Signed quants become unsigned by turning their sign
bit, which adds 128 to each; their sums start at -128 times the sum of x.

A row alone has sums of their own for both halves of a block, so that fewer products wait for the one
before, and leaves the high half of a byte where it lies: 16 * q. Two vectors share every activation
that is loaded: neighbouring tiles, or the same tile of gate and up. Weights come from memory at full
speed only when asked for early: each block fetches what comes two tiles later.
"""

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

    def four(self, c, block, peak, twice):
        """Quants of the four inputs of that number in tile c, as unsigned bytes. `twice`: the number in
        16-bit lanes."""
        p = self.p
        if self.signed:
            return p.xor_i32(p.load_i8(block + peak * LINE), p.broadcast_i8(-128))
        both = p.load_i8(block + peak % 4 * LINE)
        turned = p.shift_right_each_u16(both, p.and_i32(twice, p.broadcast_i16(4)))
        q = p.and_i32(turned, p.broadcast_i8(15))
        if self.type not in FIFTH:
            return q
        fifth = p.shift_right_each_u16(p.load_i8(block + 4 * LINE), twice)
        return p.or_i32(q, p.shift_left_u16(p.and_i32(fifth, p.broadcast_i8(1)), 4))

    def _with_fifths(self, c, low, high):
        """Bits 0 and 4 of the fifth bits belong to these vectors; then the next ones' come there."""
        p, fifth = self.p, self.fifths[c]
        first = p.let(f"first{c}", p.and_i32(p.shift_left_u16(fifth, 4), p.broadcast_i8(16)))
        second = p.let(f"second{c}", p.and_i32(fifth, p.broadcast_i8(16)))
        p.set(fifth, p.shift_right_u16(fifth, 1))
        return p.or_i32(low, first), p.or_i32(high, second)


def _dots(p, type_name, blocks, records):
    """dots[i][c]: the products of row i's block with tile c's, 32-bit integers; of each half of the
    block where halves have scales of their own."""
    alone, apart = len(records) == 1, type_name == "q6_k"
    quants = _Quants(p, type_name, alone)
    chains = 2 if alone or apart else 1
    peaks, twice = [], []
    for i, record in enumerate(records):
        peaks.append(p.index(f"peak{i}", (record + at.PEAK).at(0, "i32")))
        if not quants.signed:
            number = (record + at.PEAK_TWICE).at(0, "i32")
            twice.append(p.let(f"twice{i}", p.broadcast_i32(number)))

    def begin(i, c, n):
        """Where a sum starts: at the products of high bytes, of the half that has them."""
        record, peak = records[i], peaks[i]
        highs = (record + at.HIGHS).at(peak, "i32")
        if apart:
            highs = (peak // 4).equals(n).choose(highs, 0)
        total = None
        if apart or n == 0:
            four = quants.four(c, blocks[c], peak, None if quants.signed else twice[i])
            products = p.add_fours_u8(p.zero_i32(), four, p.broadcast_i32(highs))
            total = p.shift_left_u32(products, 7)
        if quants.signed:
            place = at.START_OF_HALVES + 4 * n if chains > 1 else at.START
            start = p.broadcast_i32((record + place).at(0, "i32"))
            total = start if total is None else p.add_i32(total, start)
        return p.zero_i32() if total is None else total

    sums = [
        [
            [p.let(f"dot{i}_{c}_{n}", begin(i, c, n)) for n in range(chains)]
            for c in range(len(blocks))
        ]
        for i in range(len(records))
    ]
    for c, block in enumerate(blocks):
        quants.begin(c, block)
    with p.loop("v", 4, unroll=True) as v:
        weights = [quants.unpack(c, block, v) for c, block in enumerate(blocks)]
        for half in range(2):
            for i, record in enumerate(records):
                four = (record + at.LOWS).cast("i32").at(v + 4 * half)
                x = p.let(f"four{i}_{half}", p.broadcast_i32(four))
                for c, each in enumerate(weights):
                    total = sums[i][c][half % chains]
                    p.set(total, p.add_fours_u8(total, each[half], x))
    if apart or chains == 1:
        return sums
    if quants.raised:
        return [[[p.add_i32(a, p.shift_right_i32(b, 4))] for a, b in row] for row in sums]
    return [[[p.add_i32(a, b)] for a, b in row] for row in sums]


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


def _sums(p, type_name, K, tiles, size, x, stride, count):
    """sums[i][c]: the products of row i with tile c, floats."""
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
        dots = _dots(p, type_name, blocks, records)
        for c, tile in enumerate(tiles):
            scales, minima = _scales(p, type_name, tile, b, K, c)
            for i, record in enumerate(records):
                for dot, d in zip(dots[i][c], scales):
                    scale = p.broadcast_f32((record + at.SCALE).at(0, "f32"))
                    p.add_product(sums[i][c], p.multiply_f32(p.to_f32(dot), d), scale)
                if minima:
                    total = p.broadcast_f32((record + at.SCALE_SUM).at(0, "f32"))
                    p.add_product(sums[i][c], minima, total)
    return sums


def _steps(operation, type_name):
    layout, names = layout_of(type_name), matrices(operation)
    together = (6, 4, 2)

    def matmul(p, N, K):
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
                    rows_of = _sums(p, type_name, K, tiles, size, x, stride, count)
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
    )
}
