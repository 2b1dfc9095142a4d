"""Matrix kernels by products of bytes: a vector holds four quants of each of its outputs; an instruction
multiplies them, as unsigned bytes, by four signed activations.

Four activations of a block have a high byte beside the low one (see activations.py): their quants are
unpacked and multiplied once more, which comes to nine products for eight vectors; a dot product is
128 times that sum plus those of the low bytes.

With VNNI a product's four terms are summed into 32 bits, and signed quants become unsigned by turning
their sign bit, which adds 128 to each; their sums start at -128 times the sum of x. Without, two terms fall together in 16, where
the sums of a block fit as long as quants have four bits, or of half a block, five. Signed quants then
keep their magnitude, and activations get their sign: two such terms fit.

A row alone has sums of their own for both halves of a block, so that fewer products wait for the one
before, and with VNNI leaves the high half of a byte where it lies: 16 * q. Two vectors share every
activation that is loaded: neighbouring outputs, or the same of gate and up.

Weights come from memory fastest from one place on: a row alone, or two, take one tile after the other, and
ask for what is next before a block's lines are read, which is not in their order. That is twice what two
tiles side by side got on Zen 4. More rows do multiply two side by side, since they wait for products, and
fetch what comes two tiles later.
"""

from cllm_gen.schedule.weight_layout import TILE_ROWS, layout_of
from specs.isa.avx2 import avx2
from specs.isa.avx512 import avx512
from specs.isa.avx_vnni import avx_vnni
from specs.schedules import activations as at
from specs.schedules.matmul_pairs import FIFTH, NIBBLES
from specs.schedules.matmul_results import finish, matrices

LINE = 64
SOON = 640  # bytes: a block or two
FEW = 2  # rows that wait for memory more than they multiply
NEAR = 320 << 10
"""Bytes of activations that tiles go through in turn: they stay in a core's second cache."""


class _Quants:
    """Quants of inputs 4v to 4v + 3, and of those 16 further on, as two vectors of bytes, unsigned unless
    they are signed quants without VNNI. `alone`: they are for one row."""

    def __init__(self, p, type_name, alone):
        self.p, self.type, self.alone = p, type_name, alone
        self.fours = p.has("add_fours_u8")
        self.signed = type_name not in NIBBLES
        self.raised = alone and self.fours and type_name in NIBBLES and type_name not in FIFTH
        """The second vector is 16 * q."""
        self.fifths = {}

    def begin(self, c, block):
        """Before the first vectors of a block of column c."""
        if self.type in FIFTH:
            self.fifths[c] = self.p.let(f"fifth{c}", self.p.load_i8(block + 4 * LINE))

    def unpack(self, c, block, v):
        p, name = self.p, f"q{c}"
        if self.signed:
            places = (("low", 0), ("high", 4 * LINE))
            return [
                p.let(f"{name}_{part}", self._bytes(block + (v * LINE + place)))
                for part, place in places
            ]
        both = p.let(name, p.load_i8(block + v * LINE))
        low = p.and_i32(both, p.broadcast_i8(15))
        if self.raised:
            high = p.and_i32(both, p.broadcast_i8(-16))
        else:
            high = p.and_i32(p.shift_right_u16(both, 4), p.broadcast_i8(15))
        if c in self.fifths:
            low, high = self._with_fifths(c, low, high)
        return [p.let(f"{name}_low", low), p.let(f"{name}_high", high)]

    def _bytes(self, place):
        p = self.p
        q = p.load_i8(place)
        return p.xor_i32(q, p.broadcast_i8(-128)) if self.fours else q

    def four(self, name, block, peak, number):
        """Quants of the four inputs of that number, `number` being the same in all lanes."""
        p = self.p
        if self.signed:
            return p.let(name, self._bytes(block + peak * LINE))
        both = p.load_i8(block + peak % 4 * LINE)
        turned = p.shift_right_each_u32(both, p.and_i32(number, p.broadcast_i32(4)))
        q = p.and_i32(turned, p.broadcast_i8(15))
        if self.type in FIFTH:
            fifth = p.shift_right_each_u32(p.load_i8(block + 4 * LINE), number)
            q = p.or_i32(q, p.shift_left_u16(p.and_i32(fifth, p.broadcast_i8(1)), 4))
        return p.let(name, q)

    def _with_fifths(self, c, low, high):
        """Bits 0 and 4 of the fifth bits belong to these vectors; then the next ones' come there."""
        p, fifth = self.p, self.fifths[c]
        first = p.let(f"first{c}", p.and_i32(p.shift_left_u16(fifth, 4), p.broadcast_i8(16)))
        second = p.let(f"second{c}", p.and_i32(fifth, p.broadcast_i8(16)))
        p.set(fifth, p.shift_right_u16(fifth, 1))
        return p.or_i32(low, first), p.or_i32(high, second)


class _Sum:
    """A sum of products in 32 bits. Without VNNI those of unsigned quants are in 16 until `total`."""

    def __init__(self, p, name, start, signed):
        self.p = p
        self.whole = p.let(name, start or p.zero_i32())
        unsigned = not (signed or p.has("add_fours_u8"))
        self.pairs = p.let(f"{name}_pairs", p.zero_i32()) if unsigned else None

    def add(self, q, x):
        p = self.p
        if p.has("add_fours_u8"):
            p.set(self.whole, p.add_fours_u8(self.whole, q, x))
        elif self.pairs:
            p.set(self.pairs, p.add_i16(self.pairs, p.multiply_pairs_u8(q, x)))
        else:
            pairs = p.multiply_pairs_u8(p.magnitude_i8(q), p.sign_i8(x, q))
            p.set(
                self.whole, p.add_i32(self.whole, p.multiply_pairs_i16(pairs, p.broadcast_i16(1)))
            )

    def total(self):
        p = self.p
        if not self.pairs:
            return self.whole
        return p.add_i32(self.whole, p.multiply_pairs_i16(self.pairs, p.broadcast_i16(1)))


def _high(p, signed, q, x):
    """128 times the products of four quants and high bytes, in 32 bits."""
    if p.has("add_fours_u8"):
        return p.shift_left_u32(p.add_fours_u8(p.zero_i32(), q, x), 7)
    if signed:
        pairs = p.multiply_pairs_u8(p.magnitude_i8(q), p.sign_i8(x, q))
    else:
        pairs = p.multiply_pairs_u8(q, x)
    return p.multiply_pairs_i16(pairs, p.broadcast_i16(128))


def _dots(p, type_name, blocks, records):
    """dots[i][c]: the products of row i's block with column c's, 32-bit integers; of each half of the
    block where halves have scales of their own."""
    alone, apart = len(records) == 1, type_name == "q6_k"
    quants = _Quants(p, type_name, alone)
    fits = quants.fours or type_name not in FIFTH  # sums of a whole block
    chains = 2 if alone or apart or not fits else 1
    peaks = [
        p.index(f"peak{i}", (record + at.PEAK).at(0, "i32")) for i, record in enumerate(records)
    ]
    numbers = [
        None if quants.signed else p.let(f"number{i}", p.broadcast_i32(peak))
        for i, peak in enumerate(peaks)
    ]

    def start(i, c, n):
        """Where a sum starts: at the products of high bytes, in the half that has them."""
        record, peak = records[i], peaks[i]
        total = None
        if apart or n == 0:
            highs = (record + at.HIGHS).at(peak, "i32")
            if apart:
                highs = (peak // 4).equals(n).choose(highs, 0)
            four = quants.four(f"four{i}_{c}_{n}", blocks[c], peak, numbers[i])
            total = _high(p, quants.signed, four, p.let(f"high{i}_{c}_{n}", p.broadcast_i32(highs)))
        if quants.signed and quants.fours:
            place = at.START_OF_HALVES + 4 * n if chains > 1 else at.START
            first = p.broadcast_i32((record + place).at(0, "i32"))
            total = first if total is None else p.add_i32(total, first)
        return total

    sums = [
        [
            [_Sum(p, f"dot{i}_{c}_{n}", start(i, c, n), quants.signed) for n in range(chains)]
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
                x = p.let(f"x{i}_{half}", p.broadcast_i32(four))
                for c, each in enumerate(weights):
                    sums[i][c][half % chains].add(each[half], x)
    wholes = [[[each.total() for each in chains] for chains in row] for row in sums]
    if apart or chains == 1:
        return wholes
    if quants.raised:
        return [[[p.add_i32(a, p.shift_right_i32(b, 4))] for a, b in row] for row in wholes]
    return [[[p.add_i32(a, b)] for a, b in row] for row in wholes]


def _scales(p, type_name, column, b, K, c):
    """The scales of a block of column c: those of its dots, and its minima or None."""
    layout = layout_of(type_name)
    tile, part = column
    record = tile + (b * layout.block_bytes + layout.quant_bytes)
    halves = layout.record_bytes <= LINE
    record = p.pointer(f"scales{c}", record.cast("u16" if halves else "f32") + part)
    load = p.load_f16 if halves else p.load_f32
    names = ["d", "m"] if type_name in NIBBLES else ["d", "e"] if type_name == "q6_k" else ["d"]
    loaded = [p.let(f"{name}{c}", load(record + n * TILE_ROWS)) for n, name in enumerate(names)]
    return (loaded[:1], loaded[1]) if type_name in NIBBLES else (loaded, None)


def _sums(p, type_name, K, columns, size, x, stride, count):
    """sums[i][c]: the products of row i with column c, floats. A column is a tile and the first of its
    outputs that a vector holds. Few rows take one tile after the other."""
    if count > FEW:
        return _together(p, type_name, K, dict(enumerate(columns)), size, x, stride, count)
    found = []
    for tile in dict.fromkeys(tile for tile, _ in columns):
        its = {c: column for c, column in enumerate(columns) if column[0] is tile}
        found.append(_together(p, type_name, K, its, size, x, stride, count))
    return [[each for part in row for each in part] for row in zip(*found)]


def _together(p, type_name, K, numbered, size, x, stride, count):
    """The same of numbered columns, whose blocks are taken side by side."""
    layout, columns = layout_of(type_name), list(numbered.values())
    ahead = SOON if count <= FEW else 2 * size
    sums = [[p.let(f"sum{i}_{c}", p.zero_f32()) for c in numbered] for i in range(count)]
    with p.loop("b", K // 32) as b:
        for tile in dict.fromkeys(tile for tile, _ in columns):
            for line in range(0, layout.block_bytes, LINE):
                p.prefetch(tile + (b * layout.block_bytes + (ahead + line)))
        blocks = [
            p.pointer(f"block{c}", tile + (b * layout.block_bytes + part * 4))
            for c, (tile, part) in enumerate(columns)
        ]
        records = [p.pointer(f"x{i}", x + (b * at.BLOCK_BYTES + i * stride)) for i in range(count)]
        dots = _dots(p, type_name, blocks, records)
        for c, column in enumerate(columns):
            scales, minima = _scales(p, type_name, column, b, K, c)
            for i, record in enumerate(records):
                for dot, d in zip(dots[i][c], scales):
                    scale = p.broadcast_f32((record + at.SCALE).at(0, "f32"))
                    p.add_product(sums[i][c], p.multiply_f32(p.to_f32(dot), d), scale)
                if minima:
                    total = p.broadcast_f32((record + at.SCALE_SUM).at(0, "f32"))
                    p.add_product(sums[i][c], minima, total)
    return sums


def steps(*together):
    """Steps that take two columns at a time, each for so many rows."""

    def of(operation, type_name):
        layout, names = layout_of(type_name), matrices(operation)

        def matmul(p, N, K):
            size = p.number("TILE_BYTES", layout.tile_bytes(K), K)
            stride = p.number("ROW_BYTES", at.quantized_bytes(K), K)
            lanes = p.lanes("add_f32")
            most = max(12, NEAR // at.quantized_bytes(K) // 12 * 12)
            near = p.number("NEAR_ROWS", most, K)

            def take(tile, columns, part, rows):
                for r, count in p.tile_rows(*rows, start=p.scalar("from"), end=p.scalar("to")):
                    x = p.pointer("x", p.argument("q", "u8") + (r * stride + at.ROW_HEADER))
                    found = _sums(p, type_name, K, columns, size, x, stride, count)
                    for i, row in enumerate(found):
                        y = p.argument("y", "f32") + ((r + i) * N + tile * TILE_ROWS + part)
                        sums = [row] if len(names) == 1 else [[each] for each in row]
                        finish(p, operation, sums, p.pointer(f"y{i}", y))

            def tiles(tile, count):
                return [
                    p.pointer(f"{name}{c}", p.argument(name, "u8") + (tile + c) * size)
                    for name in names
                    for c in range(count)
                ]

            first, last = p.scalar("first"), p.scalar("last")
            with p.loop("from", p.rows, step=near) as rows_from:
                left = p.index("left", p.rows - rows_from)
                p.index("to", rows_from + (left < near).choose(left, near))
                rest, rows_there = first, together
                if lanes == TILE_ROWS and len(names) == 1:
                    pairs = p.index("pairs", last - (last - first) % 2)
                    with p.loop("tile", pairs, step=2, start=first) as tile:
                        take(tile, [(each, 0) for each in tiles(tile, 2)], 0, together)
                    rest, rows_there = pairs, ()
                with p.loop("tile", last, start=rest) as tile:
                    found = tiles(tile, 1)
                    if lanes < TILE_ROWS and len(names) > 1:
                        with p.loop("part", TILE_ROWS, step=lanes) as part:
                            take(tile, [(each, part) for each in found], part, together)
                    else:
                        parts = range(0, TILE_ROWS, lanes)
                        columns = [(each, part) for each in found for part in parts]
                        take(tile, columns, 0, rows_there)

        return matmul

    return of


BYTES = {
    "avx2": (
        avx2,
        steps(4, 2),
        "8 outputs a vector, pairs of byte products in 16 bits; rows in fours or pairs share weights",
    ),
    "avx_vnni": (
        avx_vnni,
        steps(4, 2),
        "8 outputs a vector, sums of four byte products; rows in fours or pairs share weights",
    ),
    "avx512": (
        avx512,
        steps(6, 4, 2),
        "16 outputs a vector, sums of four byte products; rows in sixes, fours or pairs share weights",
    ),
}
