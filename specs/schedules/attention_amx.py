"""Attention of many rows on tiles: scores of 16 rows by 32 positions, and mixtures of 16 rows by up to
64 dimensions, as products of bfloat16 tiles. Keys and values of a few blocks become bfloat16 once for
all rows and heads of a group.

Shares are 2^(score - reference): a row's reference is the first score, until one exceeds it by
HEADROOM, since floats lose no digits by being large or small; then it becomes the maximum, and what
was summed fades, of that row alone, since what a row yields depends on no other. (With a window, rows do not begin at the same position: theirs is a maximum from the
first block on.)"""

from math import e, log, log2

from cllm_gen.schedule.kv_layout import ATTENTION_ROWS, BLOCK_TOKENS, half_bytes
from cllm_gen.schedule.terms import Term
from specs.schedules import activations as at
from specs.schedules.attention_blocks import LEAST, LEFT, beyond, first_block, lesser, state_of
from specs.schedules.exponential import rough_power_of_two

TILE = 16
HEADROOM = 40.0
_NEAR = 8192  # elements of keys, and of values, that the nearest cache holds beside the rest
_MIXED = 16384  # elements of mixtures at a time, unless fewer rows than a tile's have them
_ROWS = (TILE, 2 * TILE, ATTENTION_ROWS)  # of a pass, at most


class Tiled:
    """One kernel in the making. Its work on some blocks is a list of units: a head's 16 rows by a
    block, blocks first. Three units are at work side by side, since tiles and vectors can be, and what
    one stores another should not wait for: scores of one, shares of the unit before, mixture of the
    one before that; shares of a few rows at a time stand between two products of tiles. Where a
    head's dimensions fit the tiles, a mixture stays there from a head's first block to its last. In
    the end mixtures become rows of bfloat16, as the next product takes them.

    Rows that are no multiple of 16 are done in passes of 16; the last begins early enough to have 16.
    Scalars of the C:

    some      rows of a pass from row `base`, the first at `position`
    top       rows of a set
    sets      sets of a pass
    present   blocks of a step, which hold `filled` positions
    made      rows of the unit whose shares are made, of `busy`
    former    sums of shares before this unit, should its shares be made again
    """

    def __init__(self, p, kv, H, G, D, W, scale):
        self.p, self.kv, self.heads, self.group, self.D, self.W = p, kv, H, H // G, D, W
        self.scale = (scale or D**-0.5) * log2(e)
        fitting = [n for n in _ROWS if self.group * n * D <= _MIXED]
        self.rows = max(fitting, default=TILE)
        self.blocks = max(1, _NEAR // (BLOCK_TOKENS * D))
        self.wide = 64 if D % 64 == 0 else 32
        self.held = self.wide >= D  # mixtures stay in tiles
        self.lanes = p.lanes("add_f32")
        self.q = p.argument("q", "f32")

    def all(self):
        """The rows of the call, in passes."""
        p, group, D = self.p, self.group, self.D
        self.queries = p.array("queries", "bf16", group * self.rows * D)
        self.keys = p.array("near_keys", "bf16", self.blocks * BLOCK_TOKENS * D)
        self.values = p.array("near_values", "bf16", self.blocks * BLOCK_TOKENS * D)
        self.scores = p.array("scores", "f32", 2 * TILE * BLOCK_TOKENS)
        self.shares = p.array("shares", "bf16", 2 * TILE * BLOCK_TOKENS)
        self.references = p.array("references", "f32", group * self.rows)
        self.former = p.array("former", "f32", TILE * self.lanes)
        self.sums = p.array("sums", "f32", group * self.rows * self.lanes)
        self.mixtures = p.array("mixtures", "f32", group * self.rows * D)
        self.top = p.minimum("top", p.rows, TILE)
        whole = (p.rows % TILE).equals(Term("0"))
        whole_sets = p.index("whole_sets", whole.choose(p.rows // TILE, 1))
        self.sets = p.minimum("sets", whole_sets, self.rows // TILE)
        self.some = p.index("some", self.top * self.sets)
        tiles = ["score0", "score1", "left", *(f"sum{n}" for n in range(self.wide // TILE))]
        shapes = dict.fromkeys(tiles, self.top) | {"right": TILE}
        with p.tiles("shapes", shapes):
            count = p.index("passes", (p.rows + (self.some - 1)) // self.some)
            with p.loop("pass", count) as number:
                after = p.index("next_base", number * self.some)
                last = p.index("last_base", p.rows - self.some)
                self.base = p.index("base", (after < last).choose(after, last))
                self.position = p.index("row_position", p.scalar("position") + self.base)
                with p.loop("g", p.scalar("last"), start=p.scalar("first")) as g:
                    self._group(g)

    def _group(self, g):
        p = self.p
        self._begin(g)
        last = p.index("last_position", self.position + self.some)
        end = p.index("end", lesser(last, p.scalar("to")))
        self.begin = first_block(p, self.position, self.W)
        span = self.blocks * BLOCK_TOKENS
        with p.loop("start", end, step=span, start=self.begin) as start:
            self.start = start
            after = p.index("after", end - start)
            self.filled = p.minimum("filled", after, span)
            self.present = p.index("present", (self.filled + (BLOCK_TOKENS - 1)) // BLOCK_TOKENS)
            self._convert(g, start)
            self._units()
        with p.loop("r", self.some) as r:
            with p.loop("h", self.group) as h:
                total = p.let("total", p.load_f32(self._sum(h, r)))
                p.across(total, p.add_f32)
                with p.when(LEFT):
                    self._leave_row(g, h, r, total)
                with p.when(LEFT.equals(Term("0"))):
                    inverse = p.let("inverse", p.divide_f32(p.broadcast_f32(1.0), total))
                    self._finish_row(g, h, r, inverse)

    def _units(self):
        """All units of a step. A unit is (block, head, first row)."""
        p = self.p
        one, two, three = (
            [p.index(f"{name}{n}", Term("0")) for name in ("block", "head", "row")]
            for n in range(3)
        )
        count = p.index("units", self.present * self.sets * self.group)
        self.mixed = [p.let(f"sum{n}", p.zero_tile_f32()) for n in range(self.wide // TILE)]
        with p.loop("stage", count + 2) as stage:
            self.busy = p.index("busy", (stage - 1 < count).choose(self.top, 0))
            self.made, self.aim = p.index("made", Term("0")), p.index("aim", Term("0"))
            self._begin_shares(stage - 1, *two)
            with p.when(stage < count):
                self._scores(stage, *one)
            with p.when(stage > 1):
                self._mix(stage, *three)
            self._end_shares(*two)
            for later, earlier in zip(three + two, two + one):
                p.assign(later, earlier)
            block, head, row = one
            p.assign(block, block + 1)
            with p.when(block.equals(self.present)):
                p.assign(block, Term("0"))
                p.assign(row, row + TILE)
                with p.when(row + 1 > self.some):
                    p.assign(row, Term("0"))
                    p.assign(head, head + 1)

    # Places.

    def _head(self, g, h):
        """A head's values in a row."""
        return (g * self.group + h) * self.D

    def _mixture(self, h, r):
        return self.mixtures + (h * self.rows + r) * self.D

    def _turn(self, array, unit):
        """A unit's scores or shares: units take turns in two places."""
        return array + unit % 2 * (TILE * BLOCK_TOKENS)

    def _sum(self, h, r):
        return self.sums + (h * self.rows + r) * self.lanes

    def _fade_row(self, h, r, factor):
        p = self.p
        mixture = p.pointer("mixture", self._mixture(h, r))
        with p.loop("i", self.D, step=self.lanes) as i:
            p.do(p.store_f32(mixture + i, p.multiply_f32(p.load_f32(mixture + i), factor)))

    def _finish_row(self, g, h, r, factor):
        """A mixture times `factor` to its place in y."""
        p, lanes, size = self.p, self.lanes, at.quantized_bytes(self.heads * self.D)
        mixture = p.pointer("mixture", self._mixture(h, r))
        row = (p.argument("y", "f32").cast("u8") + (r + self.base) * size).cast("bf16")
        out = p.pointer("out", row + self._head(g, h))
        with p.loop("i", self.D, step=2 * lanes) as i:
            parts = [p.multiply_f32(p.load_f32(mixture + (i + n)), factor) for n in (0, lanes)]
            p.do(p.store_bf16(out + i, p.round_bf16(*parts)))

    def _leave_row(self, g, h, r, total):
        """A mixture as it is to its place in y, for floats; its state beside it."""
        p, row, head = self.p, r + self.base, g * self.group + h
        left = p.pointer("left", state_of(p, self.heads, row, head))
        reference = p.broadcast_f32((self.references + (h * self.rows + r)).at(0))
        p.do(p.store_first_f32(left, p.multiply_f32(reference, p.broadcast_f32(log(2)))))
        p.do(p.store_first_f32(left + 1, total))
        mixture = p.pointer("mixture", self._mixture(h, r))
        out = p.pointer("out", p.argument("y", "f32") + (row * self.heads + head) * self.D)
        with p.loop("i", self.D, step=self.lanes) as i:
            p.do(p.store_f32(out + i, p.load_f32(mixture + i)))

    # Steps.

    def _begin(self, g):
        """Queries to bfloat16, scaled; nothing is summed yet."""
        p, D = self.p, self.D
        with p.loop("h", self.group) as h:
            with p.loop("r", self.some) as r:
                row = (r + self.base) * (self.heads * D)
                source = p.pointer("source", self.q + (row + self._head(g, h)))
                with p.loop("i", D, step=2 * self.lanes) as i:
                    parts = [
                        p.multiply_f32(p.load_f32(source + (i + n)), p.broadcast_f32(self.scale))
                        for n in (0, self.lanes)
                    ]
                    place = self.queries + ((h * self.rows + r) * D + i)
                    p.do(p.store_bf16(place, p.round_bf16(*parts)))
                place = self.references + (h * self.rows + r)
                p.do(p.store_first_f32(place, p.broadcast_f32(LEAST)))
                p.do(p.store_f32(self._sum(h, r), p.zero_f32()))
                mixture = p.pointer("mixture", self._mixture(h, r))
                with p.loop("i", D, step=self.lanes) as i:
                    p.do(p.store_f32(mixture + i, p.zero_f32()))

    def _convert(self, g, start):
        """The step's keys and values to bfloat16, in the order of the cache; positions beyond the
        last become zeros, since shares of zero would not hide what is no number."""
        p, D, half = self.p, self.D, half_bytes(self.kv, self.D)
        size = BLOCK_TOKENS * D
        with p.loop("b", self.present) as b:
            block = p.argument("blocks", "u32").at(start // BLOCK_TOKENS + b)
            cache = p.argument("layer_cache", "u8") + p.scalar("block_bytes") * block
            keys = p.pointer("keys", (cache + g * (2 * half)).cast("u16"))
            values = p.pointer("values", keys + size)
            count = p.minimum(
                "count", p.index("rest", self.filled - b * BLOCK_TOKENS), BLOCK_TOKENS
            )
            whole = p.index("whole", count // 2 * (2 * D))
            with_odd = p.index("with_odd", (count + 1) // 2 * (2 * D))

            def copy(first, last, source, target, load):
                with p.loop("i", last, start=first, step=2 * self.lanes) as i:
                    pair = [load(source + (i + n)) for n in (0, self.lanes)]
                    p.do(p.store_bf16(target + (b * size + i), p.round_bf16(*pair)))

            copy(0, size, keys, self.keys, p.load_f16)
            copy(0, whole, values, self.values, p.load_f16)
            copy(whole, with_odd, values, self.values, p.load_even_f16)
            copy(with_odd, size, values, self.values, lambda place: p.zero_f32())

    def _scores(self, unit, b, h, row0):
        p, D = self.p, self.D
        mine = p.pointer("mine", self.queries + (h * self.rows + row0) * D)
        keys = p.pointer("block_keys", self.keys + b * (BLOCK_TOKENS * D))
        tiles = [p.let(f"score{c}", p.zero_tile_f32()) for c in (0, 1)]
        pairs = 2 * BLOCK_TOKENS  # elements of a row of keys
        with p.loop("k", D // 32) as k:
            left = p.let("left", p.load_tile_bf16(mine + k * 32, 2 * D))
            right = p.let("right", p.load_tile_bf16(keys + k * (TILE * pairs), 2 * pairs))
            p.set(tiles[0], p.multiply_tiles_bf16(tiles[0], left, right))
            self._share_some()
            p.set(right, p.load_tile_bf16(keys + (k * (TILE * pairs) + 2 * TILE), 2 * pairs))
            p.set(tiles[1], p.multiply_tiles_bf16(tiles[1], left, right))
            self._share_some()
        place = p.pointer("score", self._turn(self.scores, unit))
        for c, tile in enumerate(tiles):
            p.do(p.store_tile_f32(place + c * TILE, 4 * BLOCK_TOKENS, tile))

    def _begin_shares(self, unit, b, h, row0):
        """Of the unit whose shares are made in this stage: its places; hides what rows do not see, and
        gives a head's rows a first reference."""
        p = self.p
        self.at = p.index("at", self.start + b * BLOCK_TOKENS)
        self.scored = p.pointer("its_scores", self._turn(self.scores, unit))
        self.shared = p.pointer("its_shares", self._turn(self.shares, unit))
        self.its_references = p.pointer("its_references", self.references + (h * self.rows + row0))
        self.its_sums = p.pointer("its_sums", self._sum(h, row0))
        self.excess = [p.let(f"excess{n}", p.broadcast_f32(LEAST)) for n in (0, 1)]
        if self.W:
            self._hide(self.scored, self.position + row0, self.at)
        else:
            with p.when(self.position + row0 < self.at + (BLOCK_TOKENS - 1)):
                self._hide(self.scored, self.position + row0, self.at)
        with p.when(self.at.equals(self.begin)):
            if self.W:
                self._raise(h, row0)
            else:
                with p.loop("r", self.busy) as r:
                    first = p.broadcast_f32(self.scored.at(r * BLOCK_TOKENS))
                    p.do(p.store_first_f32(self.its_references + r, first))

    def _share_some(self):
        """Shares of a few more rows."""
        p = self.p
        slots = 4 * (self.D // 32)  # between products of a stage
        more = self.made + -(-TILE // slots)
        p.assign(self.aim, (more < self.busy).choose(more, self.busy))
        with p.repeat(self.made < self.aim):
            self._share_row()

    def _share_row(self):
        p, lanes, r = self.p, self.lanes, self.made
        reference = p.let("reference", p.broadcast_f32(self.its_references.at(r)))
        pair = []
        for n in (0, 1):
            score = p.load_f32(self.scored + (r * BLOCK_TOKENS + n * lanes))
            x = p.let(f"x{n}", p.subtract_f32(score, reference))
            p.set(self.excess[n], p.maximum_f32(self.excess[n], x))
            pair.append(rough_power_of_two(p, x, f"e{n}"))
        total = p.let("total", p.load_f32(self.its_sums + r * lanes))
        p.do(p.store_f32(self.former + r * lanes, total))
        p.do(p.store_f32(self.its_sums + r * lanes, p.add_f32(total, p.add_f32(*pair))))
        p.do(p.store_bf16(self.shared + r * BLOCK_TOKENS, p.round_bf16(*pair)))
        p.assign(r, r + 1)

    def _end_shares(self, b, h, row0):
        """Shares of the rows that are left; of all once more where a score exceeds its reference by too
        much."""
        p, lanes = self.p, self.lanes
        with p.repeat(self.made < self.busy):
            self._share_row()
        most = p.maximum_f32(*self.excess)
        p.let("above", p.count_above_f32(most, p.broadcast_f32(HEADROOM)))
        with p.when(Term("above") > 0):
            with p.loop("r", self.top) as r:
                former = p.load_f32(self.former + r * lanes)
                p.do(p.store_f32(self.its_sums + r * lanes, former))
            if self.held:
                with p.when(b > 0):
                    self._move_mixed(h, row0, store=True)
            self._raise(h, row0)
            if self.held:
                with p.when(b > 0):
                    self._move_mixed(h, row0, store=False)
            p.assign(self.made, Term("0"))
            with p.repeat(self.made < self.busy):
                self._share_row()

    def _hide(self, scores, position, at):
        """Scores of positions that a row does not see become the least value."""
        p, lanes = self.p, self.lanes
        lane = p.let("lane", p.lanes_i32())
        with p.loop("r", self.busy) as r:
            row = p.pointer("row", scores + r * BLOCK_TOKENS)
            seen = p.index("seen", beyond(position + r + 1, at))
            limit = p.let("limit", p.broadcast_i32(seen))
            with p.loop("t", BLOCK_TOKENS, start=seen // lanes * lanes, step=lanes) as t:
                place = p.add_i32(lane, p.broadcast_i32(t))
                kept = p.where_less_f32(place, limit, p.load_f32(row + t), p.broadcast_f32(LEAST))
                p.do(p.store_f32(row + t, kept))
            if self.W:
                before = p.index("before", beyond(seen, self.W))
                early = p.let("early", p.broadcast_i32(before))
                end = p.minimum("early_end", before, BLOCK_TOKENS)
                with p.loop("t", end, step=lanes) as t:
                    place = p.add_i32(lane, p.broadcast_i32(t))
                    least = p.broadcast_f32(LEAST)
                    kept = p.where_less_f32(place, early, least, p.load_f32(row + t))
                    p.do(p.store_f32(row + t, kept))

    def _raise(self, h, row0):
        """References become the maxima of those rows that exceed theirs by too much."""
        p, lanes = self.p, self.lanes
        with p.loop("r", self.busy) as r:
            row = p.pointer("row", self.scored + r * BLOCK_TOKENS)
            place = p.pointer("place", self.its_references + r)
            old = p.let("old", p.broadcast_f32(place.at(0)))
            peak = p.let("peak", p.load_f32(row))
            p.set(peak, p.maximum_f32(peak, p.load_f32(row + lanes)))
            p.across(peak, p.maximum_f32)
            beyond_it = p.subtract_f32(peak, old)
            p.let("its_above", p.count_above_f32(beyond_it, p.broadcast_f32(HEADROOM)))
            with p.when(Term("its_above") > 0):
                p.do(p.store_first_f32(place, peak))
                change = p.let("change", p.subtract_f32(old, peak))
                fade = rough_power_of_two(p, change, "fade")
                total = p.pointer("total_place", self.its_sums + r * lanes)
                p.do(p.store_f32(total, p.multiply_f32(p.load_f32(total), fade)))
                self._fade_row(h, row0 + r, fade)

    def _move_mixed(self, h, row0, store):
        """The mixtures that tiles hold, to their place or from there."""
        p, stride = self.p, 4 * self.D
        out = p.pointer("held", self._mixture(h, row0))
        for n, tile in enumerate(self.mixed):
            if store:
                p.do(p.store_tile_f32(out + n * TILE, stride, tile))
            else:
                p.set(tile, p.load_tile_f32(out + n * TILE, stride))

    def _mix(self, unit, b, h, row0):
        p, D = self.p, self.D
        shares = p.pointer("mixed_shares", self._turn(self.shares, unit))
        left = p.let("left", p.load_tile_bf16(shares, 2 * BLOCK_TOKENS))
        if self.held:
            with p.when(b.equals(Term("0"))):
                self._move_mixed(h, row0, store=False)
            self._add_values(left, b, 0, self.mixed)
            with p.when((b + 1).equals(self.present)):
                self._move_mixed(h, row0, store=True)
            return
        stride = 4 * D
        with p.loop("c", D, step=self.wide) as c:
            out = p.pointer("out", self._mixture(h, row0) + c)
            for n, tile in enumerate(self.mixed):
                p.set(tile, p.load_tile_f32(out + n * TILE, stride))
            self._add_values(left, b, c, self.mixed)
            for n, tile in enumerate(self.mixed):
                p.do(p.store_tile_f32(out + n * TILE, stride, tile))

    def _add_values(self, left, b, c, tiles):
        """Adds a block's values, dimensions from c on, by the shares in `left`."""
        p, D = self.p, self.D
        values = p.pointer("block_values", self.values + b * (BLOCK_TOKENS * D) + c * 2)
        right = p.let("right", p.load_tile_bf16(values, 4 * D))
        for n, tile in enumerate(tiles):
            if n:
                p.set(right, p.load_tile_bf16(values + n * 2 * TILE, 4 * D))
            p.set(tile, p.multiply_tiles_bf16(tile, left, right))
            self._share_some()


def attention_f16(p, H, G, D, W=0, scale=0.0):
    """The schedule over a cache of f16."""
    Tiled(p, "f16", H, G, D, W, scale).all()
