"""Attention in 512-bit vectors. One row reads the cache once, converting as it goes: a vector of keys is
8 positions by a pair of dimensions, one of values 8 dimensions by a pair of positions, and pairs of
lanes are added once at the end. Several rows share a block's conversion.

One row's shares are 2^(score - reference): a head's reference is a maximum that is raised only when
a score exceeds it by HEADROOM, since floats lose no digits by being large; then what was summed
fades. So nothing in a block waits for a maximum or a sum over lanes."""

from math import e, log2

from cllm_gen.schedule.kv_layout import BLOCK_TOKENS, half_bytes
from cllm_gen.schedule.terms import Term
from specs.schedules.attention_blocks import LEAST, Floats, all_rows, first_block
from specs.schedules.exponential import power_of_two

PAIRS = 8  # in a vector
HEADROOM = 40.0
LINE = 64  # bytes


class OneRow:
    """One kernel in the making, over a cache of f16. Scores of a block are computed before the values
    of the block before it are mixed, so that neither waits for shares."""

    def __init__(self, p, H, G, D, W, scale):
        self.p, self.group, self.D, self.W = p, H // G, D, W
        self.scale = scale * log2(e)
        self.half = half_bytes("f16", D)
        self.lanes = p.lanes("add_f32")
        self.q, self.y = p.argument("q", "f32"), p.argument("y", "f32")

    def all(self):
        """The groups of the call."""
        p, group, D = self.p, self.group, self.D
        self.scaled = p.array("scaled", "f32", group * D)
        self.shares = p.array("shares", "f32", 2 * group * BLOCK_TOKENS)
        self.mixed = p.array("mixed", "f32", group * D * 2)
        self.sums = p.array("sums", "f32", group * self.lanes)
        self.references = p.array("references", "f32", group)
        self.position = p.scalar("position")
        end = p.index("end", self.position + 1)
        begin = p.index("begin", first_block(self.position, self.W) if self.W else Term("0"))
        with p.loop("g", p.scalar("last"), start=p.scalar("first")) as g:
            self._begin(g, begin)
            after = end + BLOCK_TOKENS
            with p.loop("start", after, step=BLOCK_TOKENS, start=begin) as start:
                with p.when(start < end):
                    self._scores(g, begin, start, end)
                with p.when(start > begin):
                    self._mix(g, start - BLOCK_TOKENS, end)
            self._finish(g)

    # Places.

    def _block(self, g, index):
        """A group's keys in the sequence's block of that index; its values follow."""
        p = self.p
        block = p.argument("blocks", "u32").at(index)
        cache = p.argument("layer_cache", "u8") + p.scalar("block_bytes") * block
        return cache + g * (2 * self.half)

    def _next(self, g, start, end):
        """The block after the one at `start`, or that one if it is the last: fetched while it is read."""
        more = self.p.index("more", (start + BLOCK_TOKENS < end).choose(1, 0))
        return self.p.pointer("next", self._block(g, start // BLOCK_TOKENS + more))

    def _turn(self, index, h):
        """A head's shares: blocks take turns in two places."""
        return self.shares + (index % 2 * self.group + h) * BLOCK_TOKENS

    # Steps.

    def _begin(self, g, begin):
        p, group, D = self.p, self.group, self.D
        first = p.pointer("first_block", self._block(g, begin // BLOCK_TOKENS))
        with p.loop("i", 2 * self.half, step=LINE) as i:
            p.prefetch(first + i)
        with p.loop("i", group * D, step=self.lanes) as i:
            x = p.load_f32(self.q + (g * (group * D) + i))
            p.do(p.store_f32(self.scaled + i, p.multiply_f32(x, p.broadcast_f32(self.scale))))
        with p.loop("i", 2 * group * D, step=self.lanes) as i:
            p.do(p.store_f32(self.mixed + i, p.zero_f32()))
        with p.loop("h", group) as h:
            p.do(p.store_f32(self.sums + h * self.lanes, p.zero_f32()))
            p.do(p.store_first_f32(self.references + h, p.broadcast_f32(LEAST)))

    def _joined(self, name, a, b):
        """Sums of the pairs of lanes of two named vectors."""
        p = self.p
        return p.let(name, p.add_f32(p.evens_f32(a, b), p.odds_f32(a, b)))

    def _scores(self, g, begin, start, end):
        """Shares of a block, and their sums."""
        p, group, lanes = self.p, self.group, self.lanes
        vectors = BLOCK_TOKENS // PAIRS
        index = p.index("index", start // BLOCK_TOKENS)
        pairs = p.pointer("pairs", self._block(g, index).cast("u16"))
        following = self._next(g, start, end)
        dots = [[p.let(f"dot{h}_{n}", p.zero_f32()) for n in range(vectors)] for h in range(group)]
        with p.loop("i", self.D // 2) as i:
            for line in range(0, 4 * BLOCK_TOKENS, LINE):
                p.prefetch(following + (i * (4 * BLOCK_TOKENS) + line))
            near = [
                p.let(f"key{n}", p.load_f16(pairs + (i * (2 * BLOCK_TOKENS) + n * lanes)))
                for n in range(vectors)
            ]
            for h in range(group):
                x = p.let(f"q{h}", p.broadcast_pair_f32(self.scaled + (i * 2 + h * self.D)))
                for n in range(vectors):
                    p.add_product(dots[h][n], near[n], x)
        scores = [
            [self._joined(f"score{h}_{n}", *dots[h][2 * n : 2 * n + 2]) for n in (0, 1)]
            for h in range(group)
        ]
        self._hide(scores, start)
        most = None
        for h, pair in enumerate(scores):
            its = p.maximum_f32(*pair)
            excess = p.subtract_f32(its, p.broadcast_f32(self.references.at(h)))
            most = excess if most is None else p.maximum_f32(most, excess)
        p.let("above", p.count_above_f32(most, p.broadcast_f32(HEADROOM)))
        with p.when(Term("above") > 0):
            for h, pair in enumerate(scores):
                self._raise(h, pair, index, start > begin)
        for h, pair in enumerate(scores):
            reference = p.let(f"reference{h}", p.broadcast_f32(self.references.at(h)))
            place = p.pointer(f"share{h}", self._turn(index, h))
            total = p.load_f32(self.sums + h * lanes)
            for n, score in enumerate(pair):
                x = p.let(f"x{h}_{n}", p.subtract_f32(score, reference))
                share = power_of_two(p, x, f"e{h}_{n}")
                p.do(p.store_f32(place + n * lanes, share))
                total = p.add_f32(total, share)
            p.do(p.store_f32(self.sums + h * lanes, total))

    def _hide(self, scores, start):
        """Scores of positions that the row does not see become the least value."""
        p, lanes, W = self.p, self.lanes, self.W

        def keep(limit, before):
            for n in (0, 1):
                place = p.let(f"place{n}", p.add_i32(p.lanes_i32(), p.broadcast_i32(n * lanes)))
                for pair in scores:
                    chosen = (p.broadcast_f32(LEAST), pair[n])
                    chosen = chosen if before else chosen[::-1]
                    p.set(pair[n], p.where_less_f32(place, limit, *chosen))

        with p.when(self.position < start + (BLOCK_TOKENS - 1)):
            keep(p.let("seen", p.broadcast_i32(self.position + 1 - start)), False)
        if W:
            with p.when(self.position + 1 > start + W):
                keep(p.let("early", p.broadcast_i32(self.position + 1 - start - W)), True)

    def _raise(self, h, pair, index, later):
        """A head's reference becomes the maximum of its scores; shares that are still to be mixed
        fade like those that are."""
        p, lanes = self.p, self.lanes
        old = p.let(f"old{h}", p.broadcast_f32(self.references.at(h)))
        peak = p.let(f"peak{h}", p.maximum_f32(*pair))
        p.across(peak, p.maximum_f32)
        p.set(peak, p.maximum_f32(peak, old))
        p.do(p.store_first_f32(self.references + h, peak))
        change = p.let(f"change{h}", p.subtract_f32(old, peak))
        fade = power_of_two(p, change, f"fade{h}")

        def fades(place, count):
            with p.loop("i", count, step=lanes) as i:
                p.do(p.store_f32(place + i, p.multiply_f32(p.load_f32(place + i), fade)))

        fades(self.sums + h * lanes, lanes)
        fades(self.mixed + h * 2 * self.D, 2 * self.D)
        with p.when(later):
            fades(p.pointer(f"waiting{h}", self._turn(index + 1, h)), BLOCK_TOKENS)

    def _mix(self, g, start, end):
        """mixed += a block's values by their shares."""
        p, group, lanes, D = self.p, self.group, self.lanes, self.D
        index = p.index("index", start // BLOCK_TOKENS)
        values = p.pointer("values", (self._block(g, index) + self.half).cast("u16"))
        following = self._next(g, start, end)
        shares = p.pointer("its_shares", self._turn(index, 0))
        filled = p.minimum("filled", p.index("left", end - start), BLOCK_TOKENS)
        wide = next(n for n in (8, 4, 2) if n * group <= 24 and D % (n * PAIRS) == 0)
        with p.loop("i", 2 * D, step=wide * lanes) as i:
            places = [self.mixed + (i + h * (2 * D)) for h in range(group)]
            sums = [
                [p.let(f"out{h}_{n}", p.load_f32(places[h] + lanes * n)) for n in range(wide)]
                for h in range(group)
            ]
            with p.loop("t", filled // 2) as t:
                for line in range(0, wide * lanes * 2, LINE):
                    ahead = following + self.half
                    p.prefetch(ahead + (t * (4 * D) + i * 2 + line))
                self._add(shares, values + (t * (2 * D) + i), t, sums, p.load_f16)
            p.note("The last of an odd number of positions.")
            with p.loop("t", p.index("half", (filled + 1) // 2), start=filled // 2) as t:
                self._add(shares, values + (t * (2 * D) + i), t, sums, p.load_even_f16)
            for h in range(group):
                for n in range(wide):
                    p.do(p.store_f32(places[h] + lanes * n, sums[h][n]))

    def _add(self, shares, pairs, t, sums, load):
        """Adds one pair of positions by its shares."""
        p = self.p
        weights = [
            p.let(f"weight{h}", p.broadcast_pair_f32(shares + (t * 2 + h * BLOCK_TOKENS)))
            for h in range(self.group)
        ]
        for n in range(len(sums[0])):
            value = p.let(f"value{n}", load(pairs + n * self.lanes))
            for h in range(self.group):
                p.add_product(sums[h][n], weights[h], value)

    def _finish(self, g):
        """y = what was mixed by the inverse of the sum of shares."""
        p, D, lanes = self.p, self.D, self.lanes
        with p.loop("h", self.group) as h:
            total = p.let("total", p.load_f32(self.sums + h * lanes))
            p.across(total, p.add_f32)
            inverse = p.let("inverse", p.divide_f32(p.broadcast_f32(1.0), total))
            out = p.pointer("out", self.y + (g * self.group + h) * D)
            with p.loop("i", D, step=lanes) as i:
                pairs = self.mixed + (h * (2 * D) + i * 2)
                low, high = (
                    p.let(name, p.load_f32(pairs + n * lanes))
                    for n, name in enumerate(("low", "high"))
                )
                both = self._joined("both", low, high)
                p.do(p.store_f32(out + i, p.multiply_f32(both, inverse)))


def attention_f16(p, H, G, D, W=0, scale=0.0):
    """Steps of one row, and of several."""
    with p.when(p.rows.equals(1)):
        OneRow(p, H, G, D, W, scale or D**-0.5).all()
    with p.when(p.rows > 1):
        all_rows(p, Floats(p, "f16", H, G, D, scale or D**-0.5), W)
