"""Attention of many rows on tiles: scores of 32 rows by 16 positions, and mixtures of 32 rows by 16
dimensions, as products of bfloat16 tiles. Keys and values become bfloat16 once for all rows and
heads of a group.

Shares are 2^(score - reference): a row's reference is a maximum that is raised only when a score
exceeds it by HEADROOM, since floats lose no digits by being large; then what was summed fades."""

from contextlib import nullcontext
from math import e, log2

from cllm_gen.lower.kernel_program import Term
from cllm_gen.lower.kv_layout import BLOCK_TOKENS, half_bytes
from specs.kernels.attention_blocks import LEAST, ROWS, beyond, first_block

TILE = 16
HEADROOM = 40.0
_QUERIES = 16384  # bytes of queries that are kept converted


def _power_of_two(p, x, name):
    """A named value 2^x within 8e-5 of itself: a cubic over the fraction, fitted to its relative
    error, moved by the whole part. x must be a named value."""
    f = p.let(f"{name}_fraction", p.fraction_f32(x))
    series = p.broadcast_f32(0.0780244584275799)
    for term in (0.2260672468235374, 0.695833509110524, 0.9999252200385551):
        series = p.multiply_add_f32(series, f, p.broadcast_f32(term))
    return p.let(name, p.scale_f32(series, x))


class Tiled:
    """One kernel in the making. Scalars of its C: `some` rows from row `base`, `two` tells whether
    there are more than a tile; `present` blocks of a step hold `filled` positions."""

    def __init__(self, p, kv, H, G, D, W, scale):
        self.p, self.kv, self.heads, self.group, self.D, self.W = p, kv, H, H // G, D, W
        self.scale = (scale or D**-0.5) * log2(e)
        self.rows = ROWS if D <= 128 else TILE
        self.blocks = 2 if D <= 64 else 1
        self.step = self.blocks * BLOCK_TOKENS
        self.kept = 2 * self.group * self.rows * D <= _QUERIES
        self.lanes = p.lanes("add_f32")
        self.q, self.y = p.argument("q", "f32"), p.argument("y", "f32")

    def all(self):
        """The rows of the call, `self.rows` at a time."""
        p, group, D = self.p, self.group, self.D
        self.queries = p.array("queries", "bf16", (group if self.kept else 1) * self.rows * D)
        self.keys = p.array("near_keys", "bf16", self.step * D)
        self.values = p.array("near_values", "bf16", self.step * D)
        self.scores = p.array("scores", "f32", self.rows * self.step)
        self.shares = p.array("shares", "bf16", self.rows * self.step)
        self.references = p.array("references", "f32", group * self.rows)
        self.sums = p.array("sums", "f32", group * self.rows * self.lanes)
        if self.rows == ROWS:
            self._rows(0, p.scalar("position"), p.rows)
        else:
            with p.loop("base", p.rows, step=self.rows) as base:
                some = p.minimum("some", p.index("after", p.rows - base), self.rows)
                self._rows(base, p.index("row_position", p.scalar("position") + base), some)

    def _rows(self, base, position, some):
        p = self.p
        self.base, self.position, self.some = base, position, some
        self.two = (some > TILE) if self.rows > TILE else None
        top = p.index("top", (some > TILE).choose(TILE, some))
        shapes = {"sum00": top, "sum01": top, "a0": top, "b0": TILE, "b1": TILE}
        if self.two:
            below = p.index("below", self.two.choose(some - TILE, 1))
            shapes |= {"sum10": below, "sum11": below, "a1": below}
        with p.tiles("shapes", shapes):
            with p.loop("g", p.scalar("last"), start=p.scalar("first")) as g:
                self._group(g)

    def _group(self, g):
        p = self.p
        self._begin(g)
        end = p.index("end", self.position + self.some)
        begin = p.index("begin", first_block(self.position, self.W)) if self.W else 0
        with p.loop("start", end, step=self.step, start=begin) as start:
            self.start = start
            self.filled = p.minimum("filled", p.index("left", end - start), self.step)
            self.present = p.index("present", (self.filled + (BLOCK_TOKENS - 1)) // BLOCK_TOKENS)
            self._convert(g)
            with p.loop("h", self.group) as h:
                if not self.kept:
                    self._queries(g, h, 0)
                self._scores(h)
                self._hide()
                self._raise(g, h)
                self._share(h)
                self._mix(g, h)
        with p.loop("r", self.some) as r:
            with p.loop("h", self.group) as h:
                total = p.let("total", p.load_f32(self._sum(r, h)))
                p.across(total, p.add_f32)
                inverse = p.let("inverse", p.divide_f32(p.broadcast_f32(1.0), total))
                self._multiply_row(g, r, h, inverse)

    # Places.

    def _head(self, g, r, h):
        """A head's values in a row of q and y."""
        return ((r + self.base) * self.heads + g * self.group + h) * self.D

    def _sum(self, r, h):
        return self.sums + (h * self.rows + r) * self.lanes

    def _multiply_row(self, g, r, h, factor):
        p = self.p
        out = p.pointer("out", self.y + self._head(g, r, h))
        with p.loop("i", self.D, step=self.lanes) as i:
            p.do(p.store_f32(out + i, p.multiply_f32(p.load_f32(out + i), factor)))

    # Steps.

    def _begin(self, g):
        p = self.p
        with p.loop("h", self.group) as h:
            if self.kept:
                self._queries(g, h, h)
            with p.loop("r", self.some) as r:
                place = self.references + (h * self.rows + r)
                p.do(p.store_first_f32(place, p.broadcast_f32(LEAST)))
                p.do(p.store_f32(self._sum(r, h), p.zero_f32()))
                out = p.pointer("out", self.y + self._head(g, r, h))
                with p.loop("i", self.D, step=self.lanes) as i:
                    p.do(p.store_f32(out + i, p.zero_f32()))

    def _queries(self, g, h, kept):
        """A head's queries, scaled, as row `kept` of what is kept."""
        p = self.p
        with p.loop("r", self.some) as r:
            source = p.pointer("source", self.q + self._head(g, r, h))
            with p.loop("i", self.D, step=2 * self.lanes) as i:
                parts = [
                    p.multiply_f32(p.load_f32(source + (i + n)), p.broadcast_f32(self.scale))
                    for n in (0, self.lanes)
                ]
                place = self.queries + ((r + kept * self.rows) * self.D + i)
                p.do(p.store_bf16(place, p.round_bf16(*parts)))

    def _convert(self, g):
        """The step's keys and values to bfloat16, in the order of the cache; positions beyond the
        last become zeros, since shares of zero would not hide what is no number."""
        p, D, half = self.p, self.D, half_bytes(self.kv, self.D)
        size = BLOCK_TOKENS * D
        with p.loop("b", self.present) as b:
            block = p.argument("blocks", "u32").at(self.start // BLOCK_TOKENS + b)
            cache = p.argument("layer_cache", "u8") + p.scalar("(size_t)KV_BLOCK_BYTES") * block
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

    def _sums(self, make):
        """The tiles of sums: [rows above 16, rows below][columns]."""
        p = self.p
        tiles = [[p.let(f"sum0{c}", make(0, c)) for c in (0, 1)]]
        if self.two:
            tiles.append([p.let(f"sum1{c}", make(1, c)) for c in (0, 1)])
        return tiles

    def _below(self, i):
        """Steps for rows of the second tile are skipped where there are none."""
        return self.p.when(self.two) if i else nullcontext()

    def _add(self, tiles, a, a_rows, b, b_rows):
        """tiles += a * b; b's second tile lies beside its first."""
        p = self.p
        right = [p.let(f"b{c}", p.load_tile_bf16(b + c * 2 * TILE, 2 * b_rows)) for c in (0, 1)]
        for i, line in enumerate(tiles):
            with self._below(i):
                left = p.let(f"a{i}", p.load_tile_bf16(a + i * TILE * a_rows, 2 * a_rows))
                for c, tile in enumerate(line):
                    p.set(tile, p.multiply_tiles_bf16(tile, left, right[c]))

    def _store(self, tiles, place, rows):
        p = self.p
        for i, line in enumerate(tiles):
            with self._below(i):
                for c, tile in enumerate(line):
                    at = place + (i * TILE * rows + c * TILE)
                    p.do(p.store_tile_f32(at, 4 * rows, tile))

    def _scores(self, h):
        p, D = self.p, self.D
        queries = p.pointer("mine", self.queries + (h * (self.rows * D) if self.kept else 0))
        with p.loop("b", self.present) as b:
            tiles = self._sums(lambda i, c: p.zero_tile_f32())
            keys = p.pointer("block_keys", self.keys + b * (BLOCK_TOKENS * D))
            with p.loop("k", D // 32) as k:
                pairs = 2 * BLOCK_TOKENS
                self._add(tiles, queries + k * 32, D, keys + k * (TILE * pairs), pairs)
            self._store(tiles, self.scores + b * BLOCK_TOKENS, self.step)

    def _hide(self):
        """Scores of positions that a row does not see become the least value."""
        p = self.p
        lane = p.let("lane", p.lanes_i32())
        with p.loop("r", self.some) as r:
            row = p.pointer("row", self.scores + r * self.step)
            seen = p.index("seen", beyond(self.position + r + 1, self.start))
            limit = p.let("limit", p.broadcast_i32(seen))
            width = self.present * BLOCK_TOKENS
            with p.loop("t", width, start=seen // self.lanes * self.lanes, step=self.lanes) as t:
                at = p.add_i32(lane, p.broadcast_i32(t))
                kept = p.where_less_f32(at, limit, p.load_f32(row + t), p.broadcast_f32(LEAST))
                p.do(p.store_f32(row + t, kept))
            if self.W:
                before = p.index("before", beyond(seen, self.W))
                early = p.let("early", p.broadcast_i32(before))
                end = p.index("early_end", (before < width).choose(before, width))
                with p.loop("t", end, step=self.lanes) as t:
                    at = p.add_i32(lane, p.broadcast_i32(t))
                    kept = p.where_less_f32(at, early, p.broadcast_f32(LEAST), p.load_f32(row + t))
                    p.do(p.store_f32(row + t, kept))

    def _raise(self, g, h):
        """References that a score exceeds by too much become the row's maximum."""
        p, lanes = self.p, self.lanes
        excess = p.let("excess", p.broadcast_f32(LEAST))
        with p.loop("r", self.some) as r:
            row = p.pointer("row", self.scores + r * self.step)
            its = self.references.at(h * self.rows + r)
            reference = p.let("reference", p.broadcast_f32(its))
            with p.loop("t", self.present * BLOCK_TOKENS, step=BLOCK_TOKENS) as t:
                for n in range(0, BLOCK_TOKENS, lanes):
                    over = p.subtract_f32(p.load_f32(row + (t + n)), reference)
                    p.set(excess, p.maximum_f32(excess, over))
        p.let("above", p.count_above_f32(excess, p.broadcast_f32(HEADROOM)))
        with p.when(Term("above") > 0):
            with p.loop("r", self.some) as r:
                row = p.pointer("row", self.scores + r * self.step)
                place = p.pointer("place", self.references + (h * self.rows + r))
                old = p.let("old", p.broadcast_f32(place.at(0)))
                peak = p.let("peak", p.load_f32(row))
                with p.loop("t", self.present * BLOCK_TOKENS, start=lanes, step=lanes) as t:
                    p.set(peak, p.maximum_f32(peak, p.load_f32(row + t)))
                p.across(peak, p.maximum_f32)
                p.set(peak, p.maximum_f32(peak, old))
                p.do(p.store_first_f32(place, peak))
                change = p.let("change", p.subtract_f32(old, peak))
                fade = _power_of_two(p, change, "fade")
                total = p.pointer("total_place", self._sum(r, h))
                p.do(p.store_f32(total, p.multiply_f32(p.load_f32(total), fade)))
                self._multiply_row(g, r, h, fade)

    def _share(self, h):
        p, lanes = self.p, self.lanes
        with p.loop("r", self.some) as r:
            row = p.pointer("row", self.scores + r * self.step)
            target = p.pointer("target", self.shares + r * self.step)
            its = self.references.at(h * self.rows + r)
            reference = p.let("reference", p.broadcast_f32(its))
            total = p.let("total", p.load_f32(self._sum(r, h)))
            with p.loop("t", self.present * BLOCK_TOKENS, step=BLOCK_TOKENS) as t:
                pair = []
                for n in (0, 1):
                    x = p.subtract_f32(p.load_f32(row + (t + n * lanes)), reference)
                    pair.append(_power_of_two(p, p.let(f"x{n}", x), f"e{n}"))
                p.set(total, p.add_f32(total, p.add_f32(*pair)))
                p.do(p.store_bf16(target + t, p.round_bf16(*pair)))
            p.do(p.store_f32(self._sum(r, h), total))

    def _mix(self, g, h):
        p, D, stride = self.p, self.D, self.heads * self.D
        with p.loop("c", D, step=2 * TILE) as c:
            out = p.pointer("mixed", self.y + (self._head(g, 0, h) + c))
            tiles = self._sums(
                lambda i, n: (
                    p.load_tile_f32(out + (n * TILE), 4 * stride) if i == 0 else p.zero_tile_f32()
                )
            )
            for i, line in enumerate(tiles):
                if i:
                    with self._below(i):
                        for n, tile in enumerate(line):
                            below = out + (TILE * stride + n * TILE)
                            p.set(tile, p.load_tile_f32(below, 4 * stride))
            with p.loop("b", self.present) as b:
                values = self.values + (b * (BLOCK_TOKENS * D) + c * 2)
                self._add(tiles, self.shares + b * BLOCK_TOKENS, self.step, values, 2 * D)
            self._store(tiles, out, stride)


def attention_f16(p, H, G, D, W=0, scale=0.0):
    """The schedule over a cache of f16."""
    Tiled(p, "f16", H, G, D, W, scale).all()
