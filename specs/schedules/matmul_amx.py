"""Matrix kernels on tiles: 32 outputs (or 16 of gate and of up) by 32 rows at a time, in four tiles of
sums. The weights of such a group become a bfloat16 panel once, which all rows then share; vectors
make the next group's panel while tiles multiply with this one's. A row of activations is K bfloat16
numbers; gated products come out as such rows.

A panel stays in the nearest cache, past which activations stream; so sums over more inputs than
that holds are made in parts, and wait in y.

Rows that are no multiple of 32: the last 32 rows begin earlier, and only the new ones are stored.
Fewer than 32 in all: the tiles have fewer rows.
"""

from contextlib import nullcontext

from cllm_gen.schedule.terms import Term
from cllm_gen.schedule.weight_layout import TILE_ROWS, layout_of
from specs.isa.amx import amx
from specs.schedules import activations as at
from specs.schedules.gates import gated_roughly, gelu, silu
from specs.schedules.panels import BLOCK, BLOCK_ROW, Panels

VECTOR = 64  # bytes
GROUP = 2 * TILE_ROWS
AHEAD = 1024  # bytes of weights from what is read to what is fetched
NEAR = 20  # blocks of a panel that the nearest cache holds beside what streams past it
_GATES = {"swiglu": silu, "geglu": gelu}


def quantize(p, K, row_of=at.given_row):
    """Rows to bfloat16."""
    for r, _ in p.tile_rows(1):
        x = row_of(p, K, r)
        target = p.pointer(
            "target", (p.argument("q", "u8") + r * at.quantized_bytes(K)).cast("bf16")
        )
        with p.loop("k", K, step=32) as k:
            pair = p.round_bf16(p.load_f32(x + k), p.load_f32(x + (k + 16)))
            p.do(p.store_bf16(target + k, pair))


def products(operation, type_name):
    """The schedule of one operation with one type of weights."""

    def steps(p, N, K):
        _Products(p, operation, type_name, N, K).write()

    return steps


def parts(blocks):
    """In how many equal parts sums over so many blocks are made; 1 where that does not go well."""
    fitting = [n for n in range(1, blocks + 1) if blocks % n == 0 and 8 <= blocks // n <= NEAR]
    return min(fitting, default=1)


class _Making:
    """The making of panels, a piece at a time. C variables:

    quants, records    what the next piece is made of
    rows_of            where in a panel it goes
    made               pieces of this panel that are made; of the first tile all come first
    """

    def __init__(self, p, type_name, blocks):
        self.p, self.layout = p, layout_of(type_name)
        self.panels = Panels(p, type_name)
        self.panels.declare()
        self.blocks = blocks
        self.tile_pieces = blocks * self.panels.pieces

    def begin(self, weights, before, panel):
        """Aims at a panel's first tile, from block `before` on."""
        p = self.p
        self.quants = p.pointer("quants", weights)
        self.records = p.pointer("records", weights)
        self.rows = p.pointer("rows_of", panel)
        self.made = p.index("made", Term("0"))
        self.aim(weights, before, panel)

    def aim(self, weights, before, panel):
        """Aims at a tile, from block `before` on."""
        p, layout = self.p, self.layout
        p.assign(self.quants, weights + before * layout.block_bytes)
        p.assign(self.records, self.quants + layout.quant_bytes)
        p.assign(self.rows, panel)

    def piece(self, second, before, panel):
        """Makes the next piece; `second` is where the weights of the second tile lie."""
        p, panels = self.p, self.panels
        with p.when(self.made.equals(Term(str(self.tile_pieces)))):
            self.aim(second, before, panel + BLOCK)
        with p.when((self.made % panels.sharing).equals(Term("0"))):
            half = self.made // 2 % 2 if panels.sharing < panels.pieces else 0
            panels.read_scales(self.records, half)
        for line in range(0, panels.piece_bytes, VECTOR):
            p.prefetch(self.quants + (AHEAD + line))
        panels.fill(self.quants, self.rows)
        p.assign(self.quants, self.quants + self._quant_step())
        p.assign(self.rows, self.rows + panels.piece_rows)
        p.assign(self.made, self.made + 1)
        with p.when((self.made % panels.pieces).equals(Term("0"))):
            p.prefetch(self.records + AHEAD)
            p.assign(self.quants, self.quants + self.layout.record_bytes)
            p.assign(self.records, self.records + self.layout.block_bytes)
            p.assign(self.rows, self.rows + (2 * BLOCK - panels.pieces * panels.piece_rows))

    def _quant_step(self):
        return self.layout.quant_bytes // self.panels.pieces


class _Products:
    """One kernel in the making. Its groups are its outputs, two tiles at a time or one of each matrix,
    and for each, one after the other, the parts of its inputs. Scalars of its C:

    second      where the second tile of rows begins in a block of rows; 0: there is none
    beside      where the second tile of outputs begins; 0: there is none
    together    rows of a block
    last_start  where the last block begins
    steps       of all tiles of rows with one panel
    waiting     rows of sums that wait for their gate, the next at `line`, for its place `gated_to`;
                `turn` is where the next sums go
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
        self.sums = p.array("sums", "f32", (2 if self.gated else 1) * GROUP * GROUP)

    def write(self):
        """The whole kernel."""
        p = self.p
        first_rows = p.index("first_rows", (self.second > 0).choose(TILE_ROWS, p.rows))
        others = (self.second > 0).choose(self.together - TILE_ROWS, 1)
        second_rows = p.index("second_rows", others)
        sums = {f"sum{i}{c}": (first_rows, second_rows)[i] for i in (0, 1) for c in (0, 1)}
        shapes = {**sums, "a0": first_rows, "a1": second_rows, "b0": TILE_ROWS, "b1": TILE_ROWS}
        with p.tiles("shapes", shapes):
            self.making = _Making(p, self.type, self.blocks)
            self.making.begin(self._weights(0, 0), 0, self._panel(0))
            with p.loop("piece", self._pieces(0)):
                self.making.piece(self._weights(0, 1), 0, self._panel(0))
            if self.gated:
                self.line = p.pointer("line", self.sums)
                self.gated_to = p.pointer("gated_to", self._gated_row(0))
                self.waiting = p.index("waiting", Term("0"))
                self.turn = p.index("turn", Term("0"))
            with p.loop("group", self.groups) as group:
                self._group(group)
            if self.gated:
                with p.loop("rest", self.waiting):
                    self._gate()

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
        return (self.groups > group).choose(columns * self.making.tile_pieces, 0)

    def _panel(self, group):
        return self.room + group % 2 * (self.blocks * 2 * BLOCK)

    def _weights(self, group, column):
        """Where a tile of weights of a group lies."""
        size = layout_of(self.type).tile_bytes(self.K)
        tile = self._tile(group)
        if self.gated:
            return self.p.argument(("gate", "up")[column], "u8") + tile * size
        return self.p.argument("w", "u8") + (tile + column) * size

    def _group(self, group):
        """All rows with the panel of a group."""
        p = self.p
        tile = p.index("tile", self._tile(group))
        self.beside = TILE_ROWS
        if not self.gated:
            self.beside = p.index("beside", (self.last - tile > 1).choose(TILE_ROWS, 0))
        self.pieces = p.index("pieces", self._pieces(group + 1))
        self.due = p.index("due", Term("0"))
        self.before = self._part(group + 1) * self.blocks
        if self.parts > 1:
            self.before = p.index("before", self.before)
        self.making.aim(self._weights(group + 1, 0), self.before, self._panel(group + 1))
        p.assign(self.making.made, Term("0"))
        with p.loop("r", p.rows, step=GROUP) as r:
            start = p.index("start", (r < self.last_start).choose(r, self.last_start))
            if self.gated:
                tiles = self._multiply(group, None, start)
                self._hand_over(tiles, start, r, tile)
            else:
                place = start * self.N + tile * TILE_ROWS
                y = p.pointer("out", p.argument("y", "f32") + place)
                self._store(self._multiply(group, y, start), y, start, r)

    def _gated_row(self, row):
        """Where a row of gated products begins."""
        y = self.p.argument("y", "f32").cast("u8")
        return (y + row * at.quantized_bytes(self.N)).cast("bf16")

    def _places(self, origin, width):
        """Where the four tiles lie in an array of rows of `width`. One that there is not lies where its
        neighbour does."""
        down = [origin, origin + self.second * width]
        return [[place, place + self.beside] for place in down]

    def _multiply(self, group, y, start):
        """The tiles of sums of a block of rows."""
        p, stride = self.p, at.quantized_bytes(self.K)
        add = self.operation == "matmul_add"
        places = [] if self.gated else self._places(y, self.N)
        tiles = [
            [
                p.let(
                    f"sum{i}{c}",
                    p.load_tile_f32(places[i][c], 4 * self.N) if add else p.zero_tile_f32(),
                )
                for c in (0, 1)
            ]
            for i in (0, 1)
        ]
        if self.parts > 1 and not add:
            with p.when(group % self.parts > 0):
                for i, line in enumerate(places):
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
            self._beside_tiles(group, k, y)
        return tiles

    def _beside_tiles(self, group, k, y):
        """What vectors do while tiles multiply step k: what is next is fetched, the next panel grows,
        and a few rows pass their gate."""
        p = self.p
        each = -(-GROUP // self.blocks)
        if not self.gated:
            for n in range(each):
                line = y + (k * each + (GROUP + n)) * self.N
                p.prefetch(line)
                p.prefetch(line + self.beside)
        p.assign(self.due, self.due + self.pieces)
        with p.repeat(self.due + 1 > self.steps):
            p.assign(self.due, self.due - self.steps)
            self.making.piece(self._weights(group + 1, 1), self.before, self._panel(group + 1))
        if self.gated:
            with p.loop("n", each):
                with p.when(self.waiting > 0):
                    self._gate()
                    p.assign(self.waiting, self.waiting - 1)

    def _store_tiles(self, tiles, origin, width):
        p = self.p
        places = self._places(origin, width)
        for i in (0, 1):
            with p.when(self.second > 0) if i else nullcontext():
                for c in (0, 1):
                    with p.when(self.beside > 0) if c and not self.gated else nullcontext():
                        p.do(p.store_tile_f32(places[i][c], 4 * width, tiles[i][c]))

    def _hand_over(self, tiles, start, r, tile):
        """Leaves tiles of gate and up to be gated beside the next tiles, from row r on."""
        p = self.p
        sums = p.pointer("its_sums", self.sums + self.turn * (GROUP * GROUP))
        self._store_tiles(tiles, sums, GROUP)
        p.assign(self.turn, Term("1") - self.turn)
        p.assign(self.line, sums + (r - start) * GROUP)
        p.assign(self.gated_to, self._gated_row(r) + tile * TILE_ROWS)
        p.assign(self.waiting, start + self.together - r)

    def _gate(self):
        """Joins a row's gate and up."""
        p = self.p
        gate, up = p.load_f32(self.line), p.load_f32(self.line + TILE_ROWS)
        value = gated_roughly(p, _GATES[self.operation], gate, up)
        p.do(p.store_rounded_bf16(self.gated_to, value))
        row = at.quantized_bytes(self.N) // 2
        p.prefetch(self.gated_to + 8 * row)
        p.assign(self.line, self.line + GROUP)
        p.assign(self.gated_to, self.gated_to + row)

    def _store(self, tiles, y, start, r):
        """Stores a whole block, or what is new in the last."""
        p = self.p
        with p.when(start.equals(r)):
            self._store_tiles(tiles, y, self.N)
        with p.when(start < r):
            self._store_tiles(tiles, self.sums, GROUP)
            with p.loop("i", self.together, start=r - start) as i:
                for offset in (0, self.beside):
                    part = p.load_f32(self.sums + (i * GROUP + offset))
                    p.do(p.store_f32(y + (i * self.N + offset), part))


TILES = {"amx": (amx, products, "tiles of 16 rows and 16 outputs, weights made bfloat16")}
