"""Attention in 512-bit vectors: a vector of keys is some positions by a pair of dimensions, one of values
as many dimensions by a pair of positions. One row reads the cache once, converting as it goes; several
share a block's conversion, and do the same arithmetic.

A row's shares are 2^(score - reference): a head's reference is a maximum that is raised only when
a score exceeds it by HEADROOM, since floats lose no digits by being large; then what was summed
fades. So nothing in a block waits for a maximum or a sum over lanes."""

from contextlib import contextmanager, nullcontext
from math import e, log, log2

from cllm_gen.schedule.kv_layout import BLOCK_TOKENS, half_bytes
from cllm_gen.schedule.terms import Term
from specs.schedules.attention_blocks import LEAST, LEFT, first_block, lesser, state_of
from specs.schedules.attention_forms import Bfloats, Floats
from specs.schedules.exponential import power_of_two

HEADROOM = 40.0
LINE = 64  # bytes
_MIXED = 8192
"""Floats of mixtures that are kept at once."""


class _Rows:
    """One kernel in the making, over a cache of f16. Scores of a block are computed before the values
    of the block before it are mixed, so that neither waits for shares. `rows` of a pass at most; one
    alone converts what it loads, of several the one at work is `r`. Scalars of the C:

    position, begin, end    of the row at work, where its first block begins, and one beyond itself
    """

    def __init__(self, p, form, H, G, D, W, scale):
        self.p, self.form, self.heads, self.group, self.D, self.W = p, form(p), H, H // G, D, W
        self.scale = scale * log2(e)
        self.half = half_bytes("f16", D)
        self.lanes = p.lanes("add_f32")
        self.mixture = 2 * D // self.form.parts  # floats of a head's mixture
        self.most = next(
            n for n in (64, 32, 16, 8, 4, 2, 1) if n * self.group * self.mixture <= _MIXED
        )
        self.q, self.y = p.argument("q", "f32"), p.argument("y", "f32")

    def _arrays(self, rows):
        p, group, D = self.p, self.group, self.D
        self.rows = rows
        self.scaled = p.array("scaled", self.form.element, rows * group * D)
        self.shares = p.array("shares", "f32", 2 * rows * group * BLOCK_TOKENS)
        self.mixed = p.array("mixed", "f32", rows * group * self.mixture)
        self.sums = p.array("sums", "f32", rows * group * self.lanes)
        self.references = p.array("references", "f32", rows * group)

    def one(self):
        """The groups of a call for one row."""
        p = self.p
        self._arrays(1)
        self.r = self.row = 0
        self._places(p.scalar("position"))
        with p.loop("g", p.scalar("last"), start=p.scalar("first")) as g:
            first = p.pointer("first_block", self._block(g, self.begin // BLOCK_TOKENS))
            with p.loop("i", 2 * self.half, step=LINE) as i:
                p.prefetch(first + i)
            self._begin(g)
            after = self.end + BLOCK_TOKENS
            with p.loop("start", after, step=BLOCK_TOKENS, start=self.begin) as start:
                with p.when(start < self.end):
                    self._scores(g, start)
                with p.when(start > self.begin):
                    self._mix(g, start - BLOCK_TOKENS)
            self._finish(g)

    def several(self):
        """The groups of a call for more, in passes; a block is converted once a pass."""
        p, element, size = self.p, self.form.element, BLOCK_TOKENS * self.D
        self._arrays(self.most)
        self.keys = p.array("near_keys", element, size)
        self.values = p.array("near_values", element, size)
        with p.loop("base", p.rows, step=self.most) as base:
            some = p.minimum("some", p.index("left", p.rows - base), self.most)
            first = p.index("pass_position", p.scalar("position") + base)
            begin = p.index("pass_begin", first_block(p, first, self.W))
            last = p.index("pass_last", first + some)
            after = p.index("pass_end", lesser(last, p.scalar("to")))
            p.assign(after, after + BLOCK_TOKENS)
            with p.loop("g", p.scalar("last"), start=p.scalar("first")) as g:
                with self._each_row(some, base):
                    self._begin(g)
                with p.loop("start", after, step=BLOCK_TOKENS, start=begin) as start:
                    with p.when(start + BLOCK_TOKENS < after):
                        self._convert(self.keys, self._block(g, start // BLOCK_TOKENS))
                        with self._each_row(some, base), self._seen(first, start):
                            self._scores(g, start)
                    with p.when(start > begin):
                        before = p.index("before", start - BLOCK_TOKENS)
                        block = self._block(g, before // BLOCK_TOKENS)
                        self._convert(self.values, block + self.half)
                        with self._each_row(some, base), self._seen(first, before):
                            self._mix(g, before)
                with self._each_row(some, base):
                    self._finish(g)

    @contextmanager
    def _each_row(self, some, base):
        """The rows of a pass, one at work after the other."""
        with self.p.loop("r", some) as r:
            self.r, self.row = r, base + r
            yield

    @contextmanager
    def _seen(self, first, start):
        """If the row at work sees the block at `start`."""
        p = self.p
        self._places(p.index("row_position", first + self.r))
        with p.when(start < self.end):
            with p.when(start + 1 > self.begin) if self.W else nullcontext():
                yield

    def _places(self, position):
        p = self.p
        self.position, beyond_it = position, p.index("beyond", position + 1)
        self.end = p.index("end", lesser(beyond_it, p.scalar("to")))
        self.begin = first_block(p, position, self.W)

    def _convert(self, target, source):
        """A block's keys or values as they are multiplied, in the order of the cache. Of what no position
        has filled nothing is used."""
        p, form = self.p, self.form
        source = p.pointer(f"{target.text}_halves", source.cast("u16"))
        with p.loop("i", BLOCK_TOKENS * self.D, step=form.span) as i:
            p.do(form.store(target + i, form.from_cache(source + i)))

    def _near(self, cache, target):
        """Where a block's keys or values are read, and how: from the cache by who is alone."""
        if self.rows == 1:
            return cache, self.form.from_cache
        return target, self.form.load

    # Places.

    def _block(self, g, index):
        """A group's keys in the sequence's block of that index; its values follow."""
        p = self.p
        block = p.argument("blocks", "u32").at(index)
        cache = p.argument("layer_cache", "u8") + p.scalar("block_bytes") * block
        return cache + g * (2 * self.half)

    def _fetch(self, g, start):
        """Has the block after the one at `start` fetched while that is read, or that one again if it is
        the last: where it begins, if a row alone reads it."""
        if self.rows > 1:
            return None
        more = self.p.index("more", (start + BLOCK_TOKENS < self.end).choose(1, 0))
        return self.p.pointer("next", self._block(g, start // BLOCK_TOKENS + more))

    def _state(self, array, h, size):
        """A head's place in an array that has so many floats of each."""
        return array + (self.r * self.group + h) * size

    def _turn(self, index, h):
        """A head's shares: blocks take turns in two places."""
        return self._state(self.shares, h, BLOCK_TOKENS) + index % 2 * (
            self.rows * self.group * BLOCK_TOKENS
        )

    # Steps.

    def _begin(self, g):
        p, form, group, D = self.p, self.form, self.group, self.D
        query = self.q + self._head(g, 0)
        scaled, mixed = self._state(self.scaled, 0, D), self._state(self.mixed, 0, self.mixture)
        with p.loop("i", group * D, step=form.span) as i:
            parts = [
                p.multiply_f32(
                    p.load_f32(query + (i + n * self.lanes)), p.broadcast_f32(self.scale)
                )
                for n in range(form.parts)
            ]
            p.do(form.store(scaled + i, form.joined(*parts)))
        with p.loop("i", group * self.mixture, step=self.lanes) as i:
            p.do(p.store_f32(mixed + i, p.zero_f32()))
        with p.loop("h", group) as h:
            p.do(p.store_f32(self._state(self.sums, h, self.lanes), p.zero_f32()))
            p.do(p.store_first_f32(self._state(self.references, h, 1), p.broadcast_f32(LEAST)))

    def _head(self, g, h):
        """Offset of a head's values in q and y."""
        return self.row * (self.heads * self.D) + (g * self.group + h) * self.D

    def _scores(self, g, start):
        """Shares of a block, and their sums."""
        p, form, group, lanes = self.p, self.form, self.group, self.lanes
        turns, vectors = range(form.turns), range(2 * BLOCK_TOKENS // form.span)
        index = p.index("index", start // BLOCK_TOKENS)
        pairs, load = self._near(self._block(g, index).cast("u16"), getattr(self, "keys", None))
        pairs = p.pointer("pairs", pairs)
        scaled = p.pointer("queries", self._state(self.scaled, 0, self.D))
        following = self._fetch(g, start)
        dots = [
            [
                [p.let(f"dot{h}_{turn * len(vectors) + n}", p.zero_f32()) for n in vectors]
                for turn in turns
            ]
            for h in range(group)
        ]
        with p.loop("i", self.D // 2, step=len(turns)) as i:
            for turn in turns:
                at = i + turn if turn else i
                if following:
                    for line in range(0, 4 * BLOCK_TOKENS, LINE):
                        p.prefetch(following + (at * (4 * BLOCK_TOKENS) + line))
                near = [
                    p.let(
                        f"key{turn * len(vectors) + n}",
                        load(pairs + (at * (2 * BLOCK_TOKENS) + n * form.span)),
                    )
                    for n in vectors
                ]
                for h in range(group):
                    x = p.let(f"q{turn * group + h}", form.pair(scaled + (at * 2 + h * self.D)))
                    for n in vectors:
                        form.add(dots[h][turn][n], near[n], x)
        scores = [form.scores(h, dots[h]) for h in range(group)]
        self._hide(scores, start)
        most = None
        for h, pair in enumerate(scores):
            its = p.maximum_f32(*pair)
            excess = p.subtract_f32(its, p.broadcast_f32(self._reference(h)))
            most = excess if most is None else p.maximum_f32(most, excess)
        p.let("above", p.count_above_f32(most, p.broadcast_f32(HEADROOM)))
        with p.when(Term("above") > 0):
            for h, pair in enumerate(scores):
                self._raise(h, pair, index, start > self.begin)
        for h, pair in enumerate(scores):
            reference = p.let(f"reference{h}", p.broadcast_f32(self._reference(h)))
            place = p.pointer(f"share{h}", self._turn(index, h))
            total = p.load_f32(self._state(self.sums, h, lanes))
            for n, score in enumerate(pair):
                x = p.let(f"x{h}_{n}", p.subtract_f32(score, reference))
                share = form.power(p, x, f"e{h}_{n}")
                p.do(p.store_f32(place + n * lanes, share))
                total = p.add_f32(total, share)
            p.do(p.store_f32(self._state(self.sums, h, lanes), total))

    def _reference(self, h):
        return self._state(self.references, h, 1).at(0)

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
        old = p.let(f"old{h}", p.broadcast_f32(self._reference(h)))
        peak = p.let(f"peak{h}", p.maximum_f32(*pair))
        p.across(peak, p.maximum_f32)
        p.set(peak, p.maximum_f32(peak, old))
        p.do(p.store_first_f32(self._state(self.references, h, 1), peak))
        change = p.let(f"change{h}", p.subtract_f32(old, peak))
        fade = power_of_two(p, change, f"fade{h}")

        def fades(place, count):
            with p.loop("i", count, step=lanes) as i:
                p.do(p.store_f32(place + i, p.multiply_f32(p.load_f32(place + i), fade)))

        fades(self._state(self.sums, h, lanes), lanes)
        fades(p.pointer(f"mixed{h}", self._state(self.mixed, h, self.mixture)), self.mixture)
        with p.when(later):
            fades(p.pointer(f"waiting{h}", self._turn(index + 1, h)), BLOCK_TOKENS)

    def _mix(self, g, start):
        """mixed += a block's values by their shares."""
        p, form, group, lanes, D = self.p, self.form, self.group, self.lanes, self.D
        index = p.index("index", start // BLOCK_TOKENS)
        halves = p.pointer("values", (self._block(g, index) + self.half).cast("u16"))
        values, load = self._near(halves, getattr(self, "values", None))
        following = self._fetch(g, start)
        shares = form.shares(p.pointer("its_shares", self._turn(index, 0)), group * BLOCK_TOKENS)
        filled = p.minimum("filled", p.index("unread", self.end - start), BLOCK_TOKENS)
        mixed = p.pointer("mixture", self._state(self.mixed, 0, self.mixture))
        wide = next(n for n in (8, 4, 2, 1) if n * group <= 24 and self.mixture % (n * lanes) == 0)
        with p.loop("i", self.mixture, step=wide * lanes) as i:
            places = [mixed + (i + h * self.mixture) for h in range(group)]
            near = i * form.parts if form.parts > 1 else i
            sums = [
                [p.let(f"out{h}_{n}", p.load_f32(places[h] + lanes * n)) for n in range(wide)]
                for h in range(group)
            ]
            with p.loop("t", filled // 2) as t:
                if following:
                    for line in range(0, wide * form.span * 2, LINE):
                        ahead = following + self.half
                        p.prefetch(ahead + (t * (4 * D) + near * 2 + line))
                self._add(shares, values + (t * (2 * D) + near), t, sums, load)
            p.note("The last of an odd number of positions.")
            with p.loop("t", p.index("half", (filled + 1) // 2), start=filled // 2) as t:
                self._add(shares, halves + (t * (2 * D) + near), t, sums, form.even_from_cache)
            for h in range(group):
                for n in range(wide):
                    p.do(p.store_f32(places[h] + lanes * n, sums[h][n]))

    def _add(self, shares, pairs, t, sums, load):
        """Adds one pair of positions by its shares."""
        p, form = self.p, self.form
        weights = [
            p.let(f"weight{h}", form.pair(shares + (t * 2 + h * BLOCK_TOKENS)))
            for h in range(self.group)
        ]
        for n in range(len(sums[0])):
            value = p.let(f"value{n}", load(pairs + n * form.span))
            for h in range(self.group):
                form.add(sums[h][n], weights[h], value)

    def _finish(self, g):
        """y = what was mixed by the inverse of the sum of shares, or what was mixed beside the state."""
        p, D, lanes = self.p, self.D, self.lanes
        with p.loop("h", self.group) as h:
            total = p.let("total", p.load_f32(self._state(self.sums, h, lanes)))
            p.across(total, p.add_f32)
            inverse = p.let("inverse", p.divide_f32(p.broadcast_f32(1.0), total))
            with p.when(LEFT):
                left = p.pointer("left", state_of(p, self.heads, self.row, g * self.group + h))
                unit = p.broadcast_f32(log(2))
                reference = p.broadcast_f32(self._reference(h))
                p.do(p.store_first_f32(left, p.multiply_f32(reference, unit)))
                p.do(p.store_first_f32(left + 1, total))
                p.set(inverse, p.broadcast_f32(1.0))
            out = p.pointer("out", self.y + self._head(g, h))
            mixture = p.pointer("mixture", self._state(self.mixed, h, self.mixture))
            with p.loop("i", D, step=lanes) as i:
                mixed = self.form.mixed(mixture, i)
                p.do(p.store_f32(out + i, p.multiply_f32(mixed, inverse)))


def _by(form):
    """The trace of a schedule whose products are of that form: steps of one row, and of several."""

    def attention(p, H, G, D, W=0, scale=0.0, floats=0.0):
        with p.when(p.rows.equals(1)):
            _Rows(p, form, H, G, D, W, scale or D**-0.5).one()
        with p.when(p.rows > 1):
            _Rows(p, form, H, G, D, W, scale or D**-0.5).several()

    return attention


by_floats, by_bfloats = _by(Floats), _by(Bfloats)
