"""Matrix kernels on tiles: 32 outputs (or 16 of gate and of up) by 32 rows at a time, in four tiles of
sums. The weights of such a group become a bfloat16 panel once, which all rows then share. A row of
activations is K bfloat16 numbers.

Rows that are no multiple of 32: the last 32 rows begin earlier, and only the new ones are stored.
Fewer than 32 in all: the tiles have fewer rows.
"""

from contextlib import nullcontext

from cllm_gen.weights.layout import TILE_ROWS, layout_of
from specs.kernels import activations as at
from specs.kernels.gates import gated, gelu, silu
from specs.kernels.panels import BLOCK, BLOCK_ROW, Panels

VECTOR = 64  # bytes
GROUP = 2 * TILE_ROWS
_GATES = {"swiglu": silu, "geglu": gelu}


def _row_bytes(K):
    return at.ROW_HEADER + K // 32 * at.BLOCK_BYTES


def quantize(p, K):
    """Rows to bfloat16."""
    for r, _ in p.tile_rows(1):
        x = p.pointer("source", p.argument("x", "f32") + r * K)
        row = p.pointer("row", (p.argument("q", "u8") + r * _row_bytes(K)).cast("bf16"))
        with p.loop("k", K, step=32) as k:
            pair = p.round_bf16(p.load_f32(x + k), p.load_f32(x + (k + 16)))
            p.do(p.store_bf16(row + k, pair))


def products(operation, type_name):
    """The schedule of one operation with one type of weights."""

    def steps(p, N, K):
        _Products(p, operation, type_name, N, K).groups()

    return steps


class _Products:
    """One kernel in the making. Scalars of its C, all in rows or outputs:

    second      where the second tile of rows begins in a block of rows; 0: there is none
    beside      where the second tile of outputs begins; 0: there is none
    together    rows of a block
    last_start  where the last block begins
    """

    def __init__(self, p, operation, type_name, N, K):
        self.p, self.operation, self.type, self.N, self.K = p, operation, type_name, N, K
        self.gated = operation in _GATES
        rows = p.rows
        self.together = p.index("together", (rows < GROUP).choose(rows, GROUP))
        self.last_start = p.index("last_start", rows - self.together)
        self.second = p.index("second", (rows > TILE_ROWS).choose(TILE_ROWS, 0))
        self.panel = p.array("panel", "bf16", K // 32 * 2 * BLOCK)
        self.sums = p.array("sums", "f32", GROUP * GROUP)

    def groups(self):
        """All outputs, two tiles at a time, or a tile of each matrix."""
        p = self.p
        first_rows = p.index("first_rows", (self.second > 0).choose(TILE_ROWS, p.rows))
        others = (self.second > 0).choose(self.together - TILE_ROWS, 1)
        second_rows = p.index("second_rows", others)
        sums = {f"sum{i}{c}": (first_rows, second_rows)[i] for i in (0, 1) for c in (0, 1)}
        shapes = {**sums, "a0": first_rows, "a1": second_rows, "b0": TILE_ROWS, "b1": TILE_ROWS}
        with p.tiles("shapes", shapes):
            panels = Panels(p, self.type)
            first, last = p.scalar("first"), p.scalar("last")
            with p.loop("tile", last, step=1 if self.gated else 2, start=first) as tile:
                self.beside = TILE_ROWS
                if not self.gated:
                    self.beside = p.index("beside", (last - tile > 1).choose(TILE_ROWS, 0))
                with p.loop("c", self.beside // TILE_ROWS + 1) as c:
                    weights = p.pointer("weights", self._weights(tile, c))
                    panels.fill(weights, self.K, self.panel + c * BLOCK, 2 * BLOCK)
                with p.loop("r", p.rows, step=GROUP) as r:
                    start = p.index("start", (r < self.last_start).choose(r, self.last_start))
                    place = start * self.N + tile * TILE_ROWS
                    y = p.pointer("out", p.argument("y", "f32") + place)
                    tiles = self._multiply(y, start)
                    if self.gated:
                        self._gate(tiles, y, r - start)
                    else:
                        self._store(tiles, y, start, r)

    def _weights(self, tile, c):
        """The packed tile that makes column c of a group."""
        size = layout_of(self.type).tile_bytes(self.K)
        if self.gated:
            gate, up = (self.p.argument(name, "u8") for name in ("gate", "up"))
            return (c > 0).choose(up, gate) + tile * size
        return self.p.argument("w", "u8") + (tile + c) * size

    def _places(self, origin, width):
        """Where the four tiles lie in an array of rows of `width`. One that there is not lies where its
        neighbour does."""
        down = [origin, origin + self.second * width]
        return [[place, place + self.beside] for place in down]

    def _multiply(self, y, start):
        """The tiles of sums of a block of rows."""
        p, stride = self.p, _row_bytes(self.K)
        add = self.operation == "matmul_add"
        tiles = [
            [
                p.let(
                    f"sum{i}{c}",
                    p.load_tile_f32(place, 4 * self.N) if add else p.zero_tile_f32(),
                )
                for c, place in enumerate(line)
            ]
            for i, line in enumerate(self._places(y, self.N))
        ]
        x = p.pointer("x0", p.argument("q", "u8") + start * stride)
        xs = [x, p.pointer("x1", x + self.second * stride)]
        with p.loop("k", self.K // 32) as k:
            a = [
                p.let(f"a{i}", p.load_tile_bf16(each + k * VECTOR, stride))
                for i, each in enumerate(xs)
            ]
            block = p.pointer("both", self.panel + k * (2 * BLOCK))
            b = [
                p.let("b0", p.load_tile_bf16(block, VECTOR)),
                p.let("b1", p.load_tile_bf16(block + self.beside * BLOCK_ROW, VECTOR)),
            ]
            for i in (0, 1):
                for c in (0, 1):
                    p.set(tiles[i][c], p.multiply_tiles_bf16(tiles[i][c], a[i], b[c]))
        return tiles

    def _store_tiles(self, tiles, origin, width):
        p = self.p
        places = self._places(origin, width)
        for i in (0, 1):
            with p.when(self.second > 0) if i else nullcontext():
                for c in (0, 1):
                    with p.when(self.beside > 0) if c and not self.gated else nullcontext():
                        p.do(p.store_tile_f32(places[i][c], 4 * width, tiles[i][c]))

    def _gate(self, tiles, y, new):
        """Stores what gate and up become, from row `new` of the block on."""
        p = self.p
        self._store_tiles(tiles, self.sums, GROUP)
        with p.loop("i", self.together, start=new) as i:
            line = p.pointer("line", self.sums + i * GROUP)
            gate, up = p.load_f32(line), p.load_f32(line + TILE_ROWS)
            value = gated(p, "sum", _GATES[self.operation], gate, up)
            p.do(p.store_f32(y + i * self.N, value))

    def _store(self, tiles, y, start, r):
        """Stores a whole block, or what is new in the last."""
        p = self.p
        with p.when(start.equals(r)):
            self._store_tiles(tiles, y, self.N)
        with p.when(start < r):
            self._store_tiles(tiles, self.sums, GROUP)
            with p.loop("i", self.together, start=r - start) as i:
                for c, offset in enumerate((0, self.beside)):
                    part = p.load_f32(self.sums + (i * GROUP + offset))
                    p.do(p.store_f32(y + (i * self.N + offset), part))
