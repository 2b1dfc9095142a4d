"""Matrix kernels for few registers. Of many rows 32 at a time share the weights of a tile: a few of its
blocks are unpacked to a panel in the first cache, and every row is multiplied by the panel, so that no
register holds weights or another row's sums. A row by itself unpacks weights as it goes. Its sums over
blocks lie in memory too, to leave registers for a block's. Either way
weights are fetched early, past what the CPU does by itself. Sums of a block are exact integers, and
blocks are added up in the same order, so a row's results are the same bits both ways.

What unpacked weights are, and their products with a block of activations, is a form's affair:

    form = kind(p, type_name)             one for each matrix of a kernel
    form.panel_bytes                      of a block
    form.unpack(block, panel)             writes a block's panel
    form.activations(x)                   a block of activations as the next two take it
    form.dots(panel, x)                   of each half of a block that has scales of its own, or of all of
                                          it, for each vector of outputs the integer products
    form.direct(block, x)                 the same of packed weights
"""

from cllm_gen.schedule.terms import Term, text_of
from cllm_gen.schedule.weight_layout import TILE_ROWS, layout_of
from specs.schedules import activations as at
from specs.schedules.halves import load_halves
from specs.schedules.matmul_pairs import NIBBLES
from specs.schedules.matmul_results import finish, matrices

ROWS, BLOCKS = 32, 4
AHEAD, LINE = 4096, 64  # bytes of weights from what is read to what is fetched, and of a fetch


class _Matrix:
    """One matrix of a kernel."""

    def __init__(self, p, kind, type_name, name, K):
        self.p, self.name, self.K = p, name, K
        self.layout = layout_of(type_name)
        self.form = kind(p, self.layout.name)
        self.lanes = p.lanes("add_f32")
        self.vectors = TILE_ROWS // self.lanes
        self.minima = self.layout.name in NIBBLES
        self.numbers = 1 + (self.minima or self.layout.name == "q6_k")
        self.stride = p.number("ROW_BYTES", at.quantized_bytes(K), K)

    def _number(self, tile, b, n, c):
        """Number n of each output in the record of block b, those of vector c."""
        record = tile + (b * self.layout.block_bytes + self.layout.quant_bytes)
        if self.layout.record_bytes <= LINE:
            return load_halves(self.p, record + 2 * (TILE_ROWS * n + self.lanes * c))
        return self.p.load_f32((record + 4 * (TILE_ROWS * n + self.lanes * c)).cast("f32"))

    def _scaled(self, x):
        """Of a block of activations the scale, and the scaled sum where minima want it."""
        p, named = self.p, {"scale": at.SCALE}
        if self.minima:
            named["scale_sum"] = at.SCALE_SUM
        return [
            p.let(name, p.broadcast_f32((x + place).at(0, "f32"))) for name, place in named.items()
        ]

    def _accumulate(self, totals, dots, scaled, number):
        """totals[c] += a block's products, scaled. `number(n, c)` is a number of the outputs of vector c."""
        p, (scale, *scale_sum) = self.p, scaled
        for c in dots[0]:
            for each in scale_sum:
                p.add_product(totals[c], number(1, c), each)
            for half, found in enumerate(dots):
                product = p.multiply_f32(p.to_f32(found[c]), number(half, c))
                p.add_product(totals[c], product, scale)

    def _fetch(self, tile, b):
        """Has as many bytes as a block fetched that lie so many further on as block b does."""
        block_bytes = self.layout.block_bytes
        for line in range(0, block_bytes, LINE):
            self.p.prefetch(tile + (b * block_bytes + (AHEAD + line)))

    def declare(self):
        """Arrays: for many rows a panel and the numbers of its blocks, and each row's sums."""
        p, name = self.p, self.name
        self.panel = p.array(f"{name}_panel", "u8", BLOCKS * self.form.panel_bytes)
        self.kept = p.array(f"{name}_numbers", "f32", BLOCKS * self.numbers * TILE_ROWS)
        self.sums = p.array(f"{name}_sums", "f32", ROWS * TILE_ROWS)

    def many(self, tile, x, some):
        """sums = the products of `some` rows with a tile."""
        p, lanes = self.p, self.lanes
        with p.loop("i", some * TILE_ROWS, step=lanes) as i:
            p.do(p.store_f32(self.sums + i, p.zero_f32()))
        with p.loop("begin", self.K // 32, step=BLOCKS) as begin:
            left = Term(text_of(self.K // 32)) - begin
            count = p.minimum("count", p.index("after", left), BLOCKS)
            with p.loop("b", count) as b:
                self._fetch(tile, begin + b)
                block = p.pointer("block", tile + (begin + b) * self.layout.block_bytes)
                self.form.unpack(block, self.panel + b * self.form.panel_bytes)
                kept = p.pointer("kept", self.kept + b * (self.numbers * TILE_ROWS))
                for n in range(self.numbers):
                    for c in range(self.vectors):
                        number = self._number(tile, begin + b, n, c)
                        p.do(p.store_f32(kept + (n * TILE_ROWS + c * lanes), number))
            with p.loop("r", some) as r:
                place = p.pointer("place", self.sums + r * TILE_ROWS)
                totals = {
                    c: p.let(f"total{c}", p.load_f32(place + lanes * c))
                    for c in range(self.vectors)
                }
                with p.loop("b", count) as b:
                    self._row(totals, b, p.index("at", begin + b), x + r * self.stride)
                for c, total in totals.items():
                    p.do(p.store_f32(place + lanes * c, total))

    def _row(self, totals, b, at_block, row):
        """totals += the products of a row's block with block b of the panel."""
        p, lanes = self.p, self.lanes
        x = p.pointer("record", row + at_block * at.BLOCK_BYTES)
        kept = p.pointer("kept", self.kept + b * (self.numbers * TILE_ROWS))
        panel = p.pointer("panel", self.panel + b * self.form.panel_bytes)
        values = self.form.activations(x)

        dots, scaled = self.form.dots(panel, values), self._scaled(x)
        self._accumulate(
            totals, dots, scaled, lambda n, c: p.load_f32(kept + (n * TILE_ROWS + c * lanes))
        )

    def alone(self, tile, x):
        """sums[0] = the products of one row with a tile."""
        p, lanes = self.p, self.lanes
        places = [self.sums + lanes * c for c in range(self.vectors)]
        for place in places:
            p.do(p.store_f32(place, p.zero_f32()))
        with p.loop("b", self.K // 32) as b:
            self._fetch(tile, b)
            block = p.pointer("block", tile + b * self.layout.block_bytes)
            record = p.pointer("record", x + b * at.BLOCK_BYTES)
            values = self.form.activations(record)

            dots, scaled = self.form.direct(block, values), self._scaled(record)
            totals = {c: p.let(f"total{c}", p.load_f32(each)) for c, each in enumerate(places)}
            self._accumulate(totals, dots, scaled, lambda n, c: self._number(tile, b, n, c))
            for c, place in enumerate(places):
                p.do(p.store_f32(place, totals[c]))

    def found(self, r):
        """The vectors of row r's sums."""
        place = self.sums + r * TILE_ROWS
        return [self.p.load_f32(place + self.lanes * c) for c in range(self.vectors)]


def chunks(kind):
    """The steps of matrix kernels whose form is of a kind."""

    def steps(operation, type_name):
        layout, names = layout_of(type_name), matrices(operation)

        def matmul(p, N, K):
            size = p.number("TILE_BYTES", layout.tile_bytes(K), K)
            stride = p.number("ROW_BYTES", at.quantized_bytes(K), K)
            each = [_Matrix(p, kind, type_name, name, K) for name in names]
            for matrix in each:
                matrix.declare()
            with p.loop("tile", p.scalar("last"), start=p.scalar("first")) as tile:
                tiles = [
                    p.pointer(f"{name}_tile", p.argument(name, "u8") + tile * size)
                    for name in names
                ]
                with p.loop("base", p.rows, step=ROWS) as base:
                    some = p.minimum("some", p.index("left", p.rows - base), ROWS)
                    x = p.pointer("x", p.argument("q", "u8") + (base * stride + at.ROW_HEADER))
                    y = p.pointer("y_tile", p.argument("y", "f32") + (base * N + tile * TILE_ROWS))
                    with p.when(some > 1, times=0):
                        for matrix, weights in zip(each, tiles):
                            matrix.many(weights, x, some)
                        with p.loop("r", some) as r:
                            sums = [matrix.found(r) for matrix in each]
                            finish(p, operation, sums, p.pointer("y_row", y + r * N))
                    with p.otherwise():
                        for matrix, weights in zip(each, tiles):
                            matrix.alone(weights, x)
                        finish(p, operation, [matrix.found(0) for matrix in each], y)

        return matmul

    return steps
