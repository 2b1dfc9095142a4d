"""Matrix kernels on tiles: 32 outputs (or 16 of gate and of up) by 32 rows at a time, in four tiles of
sums. The weights of such a group become a bfloat16 panel once, which all rows then share; vectors
make the next group's panel while tiles multiply with this one's. A row of activations is K bfloat16
numbers.

A panel stays in the nearest cache, past which activations stream; so sums over more inputs than
that holds are made in parts, and wait in y.

Rows that are no multiple of 32: the last 32 rows begin earlier, and only the new ones are stored.
Fewer than 32 in all: the tiles have fewer rows.
"""

from contextlib import nullcontext

from cllm_gen.lower.kernel_terms import Term
from cllm_gen.weights.layout import TILE_ROWS, layout_of
from specs.isa.amx import amx
from specs.kernels import activations as at
from specs.kernels.gates import gated, gelu, silu
from specs.kernels.panels import BLOCK, BLOCK_ROW, Panels

VECTOR = 64  # bytes
GROUP = 2 * TILE_ROWS
NEAR = 20  # blocks of a panel that the nearest cache holds beside what streams past it
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
        _Products(p, operation, type_name, N, K).write()

    return steps


def parts(blocks):
    """In how many equal parts sums over so many blocks are made; 1 where that does not go well."""
    fitting = [n for n in range(1, blocks + 1) if blocks % n == 0 and 8 <= blocks // n <= NEAR]
    return min(fitting, default=1)


class _Products:
    """One kernel in the making. Its groups are its outputs, two tiles at a time or one of each matrix,
    and for each, one after the other, the parts of its inputs. Scalars of its C:

    second      where the second tile of rows begins in a block of rows; 0: there is none
    beside      where the second tile of outputs begins; 0: there is none
    together    rows of a block
    last_start  where the last block begins
    steps       of all tiles of rows with one panel
    """

    def __init__(self, p, operation, type_name, N, K):
        self.p, self.operation, self.type, self.N, self.K = p, operation, type_name, N, K
        self.gated = operation in _GATES
        self.parts = 1 if self.gated else parts(K // 32)
        self.blocks = K // 32 // self.parts  # of a part
        rows = p.rows
        self.first, self.last = p.scalar("first"), p.scalar("last")
        self.together = p.index("together", (rows < GROUP).choose(rows, GROUP))
        self.last_start = p.index("last_start", rows - self.together)
        self.second = p.index("second", (rows > TILE_ROWS).choose(TILE_ROWS, 0))
        self.steps = p.index("steps", (rows + (GROUP - 1)) // GROUP * self.blocks)
        count = self.last - self.first
        if not self.gated:
            count = (count + 1) // 2
        self.groups = p.index("groups", count * self.parts)
        self.room = p.array("panels", "bf16", 2 * self.blocks * 2 * BLOCK)
        self.sums = p.array("sums", "f32", GROUP * GROUP)

    def write(self):
        """The whole kernel."""
        p = self.p
        first_rows = p.index("first_rows", (self.second > 0).choose(TILE_ROWS, p.rows))
        others = (self.second > 0).choose(self.together - TILE_ROWS, 1)
        second_rows = p.index("second_rows", others)
        sums = {f"sum{i}{c}": (first_rows, second_rows)[i] for i in (0, 1) for c in (0, 1)}
        shapes = {**sums, "a0": first_rows, "a1": second_rows, "b0": TILE_ROWS, "b1": TILE_ROWS}
        with p.tiles("shapes", shapes):
            self.panels = Panels(p, self.type)
            with p.loop("piece", self._pieces(0)) as piece:
                self._make(0, piece)
            with p.loop("group", self.groups) as group:
                self._group(group)

    def _tile(self, group):
        """The first tile of outputs of a group."""
        number = group if self.parts == 1 or group == 0 else group // self.parts
        return self.first + (number if self.gated else number * 2)

    def _part(self, group):
        return group % self.parts if self.parts > 1 else 0

    def _pieces(self, group):
        """Pieces of work that make a group's panel."""
        columns = 2
        if not self.gated:
            columns = (self.last - self._tile(group) > 1).choose(2, 1)
        return (self.groups > group).choose(columns * (self.blocks * self.panels.pieces), 0)

    def _panel(self, group):
        return self.room + group % 2 * (self.blocks * 2 * BLOCK)

    def _make(self, group, piece):
        """One piece of a group's panel."""
        p, size = self.p, layout_of(self.type).tile_bytes(self.K)
        each = self.panels.pieces
        column = p.index("column", piece // (self.blocks * each))
        block = p.index("block", piece // each % self.blocks)
        tile = self._tile(group)
        if self.gated:
            gate, up = (p.argument(name, "u8") for name in ("gate", "up"))
            weights = (column > 0).choose(up, gate) + tile * size
        else:
            weights = p.argument("w", "u8") + (tile + column) * size
        target = self._panel(group) + (block * 2 + column) * BLOCK
        before = self._part(group) * self.blocks
        self.panels.fill(
            p.pointer("weights", weights), self.K, before + block, piece % each, target
        )

    def _group(self, group):
        """All rows with the panel of a group."""
        p = self.p
        tile = p.index("tile", self._tile(group))
        self.beside = TILE_ROWS
        if not self.gated:
            self.beside = p.index("beside", (self.last - tile > 1).choose(TILE_ROWS, 0))
        self.pieces = p.index("pieces", self._pieces(group + 1))
        self.made = p.index("made", Term("0"))
        self.due = p.index("due", Term("0"))
        with p.loop("r", p.rows, step=GROUP) as r:
            start = p.index("start", (r < self.last_start).choose(r, self.last_start))
            place = start * self.N + tile * TILE_ROWS
            y = p.pointer("out", p.argument("y", "f32") + place)
            tiles = self._multiply(group, y, start)
            if self.gated:
                self._gate(tiles, y, r - start)
            else:
                self._store(tiles, y, start, r)

    def _places(self, origin, width):
        """Where the four tiles lie in an array of rows of `width`. One that there is not lies where its
        neighbour does."""
        down = [origin, origin + self.second * width]
        return [[place, place + self.beside] for place in down]

    def _multiply(self, group, y, start):
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
        if self.parts > 1 and not add:
            with p.when(group % self.parts > 0):
                for i, line in enumerate(self._places(y, self.N)):
                    for c, place in enumerate(line):
                        p.set(tiles[i][c], p.load_tile_f32(place, 4 * self.N))
        before = self._part(group) * (self.blocks * VECTOR)
        x = p.pointer("x0", p.argument("q", "u8") + (start * stride + before))
        xs = [x, p.pointer("x1", x + self.second * stride)]
        with p.loop("k", self.blocks) as k:
            pair = p.pointer("pair", self._panel(group) + k * (2 * BLOCK))
            a0 = p.let("a0", p.stream_tile_bf16(xs[0] + k * VECTOR, stride))
            b0 = p.let("b0", p.load_tile_bf16(pair, VECTOR))
            p.set(tiles[0][0], p.multiply_tiles_bf16(tiles[0][0], a0, b0))
            b1 = p.let("b1", p.load_tile_bf16(pair + self.beside * BLOCK_ROW, VECTOR))
            p.set(tiles[0][1], p.multiply_tiles_bf16(tiles[0][1], a0, b1))
            a1 = p.let("a1", p.stream_tile_bf16(xs[1] + k * VECTOR, stride))
            p.set(tiles[1][0], p.multiply_tiles_bf16(tiles[1][0], a1, b0))
            p.set(tiles[1][1], p.multiply_tiles_bf16(tiles[1][1], a1, b1))
            p.assign(self.due, self.due + self.pieces)
            with p.repeat(self.made * self.steps < self.due):
                self._make(group + 1, self.made)
                p.assign(self.made, self.made + 1)
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


TILES = {"amx": (amx, products, "tiles of 16 rows and 16 outputs, weights made bfloat16")}
