"""Attention one cache block at a time, in one pass with a running maximum: keys and values of a block
are converted once for all rows and heads that see it, and no score outlives its block."""

from cllm_gen.schedule.kv_layout import ATTENTION_ROWS, BLOCK_TOKENS, SCALED, half_bytes
from cllm_gen.schedule.terms import Term, text_of
from specs.schedules.exponential import exponential

LEAST = -1e30
LEFT = Term("state")
"""Whether the call leaves its state, for others to join."""
DIGITS = -0x70002000  # of f16 as f32, 112 powers of two too small: sign, exponent, mantissa


class Floats:
    """Scores and mixtures in vectors of floats. `part` holds `chunk` dimensions of a block's keys,
    [chunk][BLOCK_TOKENS], or of its values, [BLOCK_TOKENS][chunk]."""

    element = "f32"

    def __init__(self, p, kv, H, G, D, scale):
        self.p, self.kv, self.group, self.D, self.scale = p, kv, H // G, D, scale
        self.heads, self.lanes = H, p.lanes("add_f32")
        self.chunk = next(c for c in (64, 32, 16) if D % c == 0)
        self.rows = ATTENTION_ROWS
        self.together, self.bytes = {"f16": (2, 2), "i8": (4, 1)}[kv]
        self.q, self.y = p.argument("q", "f32"), p.argument("y", "f32")

    def begin(self):
        """Arrays that the whole call needs."""
        p = self.p
        self.part = p.array("part", self.element, self.chunk * BLOCK_TOKENS)
        self.share = p.array("share", "f32", self.rows * self.group * BLOCK_TOKENS)

    def group_begins(self, g, base, some):
        """Before the first block of a group of heads; `some` rows from row `base`."""

    def block(self, g, index):
        """Address of a group's keys in the sequence's block of that index."""
        p = self.p
        block = p.argument("blocks", "u32").at(index)
        cache = p.argument("layer_cache", "u8") + p.scalar("block_bytes") * block
        return cache + g * (2 * half_bytes(self.kv, self.D))

    def head(self, base, r, g, h):
        """Offset of a head's values in a row of q and y."""
        return ((base + r) * self.heads + g * self.group + h) * self.D

    def shares(self, r, h):
        """Offset of a head's scores or shares."""
        return (r * self.group + h) * BLOCK_TOKENS

    def clear(self, base, r, g, h):
        """Before a head's first block."""
        p = self.p
        with p.loop("i", self.D, step=self.lanes) as i:
            p.do(p.store_f32(self.y + (self.head(base, r, g, h) + i), p.zero_f32()))

    def finish(self, base, r, g, h, inverse):
        """After a head's last block: y by the inverse of the sum of shares."""
        p = self.p
        with p.loop("i", self.D, step=self.lanes) as i:
            out = self.y + (self.head(base, r, g, h) + i)
            p.do(p.store_f32(out, p.multiply_f32(p.load_f32(out), inverse)))

    # Conversion. What lies together in a cache lies in one 32-bit lane: two f16 or four i8.

    def _floats(self, address):
        """Floats of the first, second, ... of what lies together at an address."""
        p = self.p
        word = p.let("word", p.load_i8(address.cast("i8")))
        if self.kv == "f16":
            return [self._half("even", p.shift_left_u32(word, 16)), self._half("odd", word)]
        found = []
        for n in range(4):
            top = p.shift_left_u32(word, 24 - 8 * n) if n < 3 else word
            found.append(p.let(f"part{n}", p.to_f32(p.shift_right_i32(top, 24))))
        return found

    def _half(self, name, top):
        """The f16 in the upper half of each lane; infinities become 2^16, so that what a mask or a
        share of zero takes out is gone."""
        p = self.p
        digits = p.and_i32(p.shift_right_i32(top, 3), p.broadcast_i32(DIGITS))
        return p.let(name, p.multiply_f32(p.as_f32(digits), p.broadcast_f32(2.0**112)))

    def keys(self, keys, c):
        """part = dimensions [c, c + chunk) of the block's keys."""
        p, together, lanes = self.p, self.together, self.lanes
        scales = (keys + BLOCK_TOKENS * self.D).cast("f32")
        with p.loop("i", self.chunk, step=together) as i:
            with p.loop("t", BLOCK_TOKENS, step=lanes) as t:
                near = self._floats(keys + (((c + i) * BLOCK_TOKENS + t * together) * self.bytes))
                scale = None
                if self.kv == "i8":
                    place = scales + ((c + i) // SCALED * BLOCK_TOKENS + t)
                    scale = p.let("scale", p.load_f32(place))
                for n, x in enumerate(near):
                    x = p.multiply_f32(x, scale) if scale else x
                    p.do(p.store_f32(self.part + ((i + n) * BLOCK_TOKENS + t), x))

    def values(self, values, c, filled):
        """part = dimensions [c, c + chunk) of the block's values, `filled` positions of them."""
        p, together, lanes = self.p, self.together, self.lanes
        scales = (values + BLOCK_TOKENS * self.D).cast("f32")
        with p.loop("t", filled, step=together) as t:
            with p.loop("i", self.chunk, step=lanes) as i:
                near = self._floats(values + ((t * self.D + (c + i) * together) * self.bytes))
                for n, x in enumerate(near):
                    if self.kv == "i8":
                        scale = scales.at((c + i) // SCALED * BLOCK_TOKENS + t + n)
                        x = p.multiply_f32(x, p.broadcast_f32(scale))
                    p.do(p.store_f32(self.part + ((t + n) * self.chunk + i), x))

    # Arithmetic.

    def scores(self, g, base, begin, end, keys, c):
        """share += the scores of dimensions [c, c + chunk) of rows [begin, end)."""
        p, group, lanes = self.p, self.group, self.lanes
        wide = min(
            next(n for n in (8, 4, 2, 1) if n * group <= 12 or n == 1), BLOCK_TOKENS // lanes
        )
        with p.loop("r", end, start=begin) as r:
            with p.loop("t", BLOCK_TOKENS, step=wide * lanes) as t:
                places = [self.share + (self.shares(r, h) + t) for h in range(group)]
                dots = [
                    [p.let(f"dot{h}_{n}", p.zero_f32()) for n in range(wide)] for h in range(group)
                ]
                with p.loop("i", self.chunk) as i:
                    near = [
                        p.let(f"key{n}", p.load_f32(self.part + (i * BLOCK_TOKENS + t + n * lanes)))
                        for n in range(wide)
                    ]
                    for h in range(group):
                        x = p.let(
                            f"q{h}", p.broadcast_f32(self.q.at(self.head(base, r, g, h) + c + i))
                        )
                        for n in range(wide):
                            p.add_product(dots[h][n], near[n], x)
                for h in range(group):
                    for n in range(wide):
                        place = places[h] + n * lanes
                        scaled = p.multiply_f32(dots[h][n], p.broadcast_f32(self.scale))
                        p.do(p.store_f32(place, p.add_f32(p.load_f32(place), scaled)))

    def keep(self, place, e):
        """Keeps a vector of shares for `mix`."""
        self.p.do(self.p.store_f32(self.share + place, e))

    def mix(self, g, base, begin, end, values, c, visible, state):
        """y = y * fade + the block's values by their shares, dimensions [c, c + chunk), of as many
        positions as are visible to a row."""
        p, group, lanes = self.p, self.group, self.lanes
        wide = min(next(n for n in (8, 4, 2, 1) if n * group <= 12 or n == 1), self.chunk // lanes)
        with p.loop("r", end, start=begin) as r:
            seen = visible(r)
            with p.loop("i", self.chunk, step=wide * lanes) as i:
                heads = [self.y + (self.head(base, r, g, h) + c + i) for h in range(group)]
                sums = []
                for h in range(group):
                    fade = p.let(f"fade{h}", p.load_f32(state(r, h) + 2 * lanes))
                    sums.append(
                        [
                            p.let(
                                f"out{h}_{n}",
                                p.multiply_f32(p.load_f32(heads[h] + lanes * n), fade),
                            )
                            for n in range(wide)
                        ]
                    )
                with p.loop("t", seen) as t:
                    weights = [
                        p.let(f"weight{h}", p.broadcast_f32(self.share.at(self.shares(r, h) + t)))
                        for h in range(group)
                    ]
                    for n in range(wide):
                        near = self.part + (t * self.chunk + i + lanes * n)
                        value = p.let(f"value{n}", p.load_f32(near))
                        for h in range(group):
                            p.add_product(sums[h][n], weights[h], value)
                for h in range(group):
                    for n in range(wide):
                        p.do(p.store_f32(heads[h] + lanes * n, sums[h][n]))


def beyond(a, b):
    """a - b, or 0 where b is more."""
    b = text_of(b)
    return Term(f"{a.inner} > {b} ? {a.inner} - {b} : 0", False)


def first_block(p, position, W):
    """Names where the block begins in which the window of a row at `position` does, or where the call's
    positions begin if they do later; without a window that is all that counts."""
    begin = p.scalar("from")
    if not W:
        return begin
    window = p.index("window_begin", beyond(position + 1, W) // BLOCK_TOKENS * BLOCK_TOKENS)
    return p.index("begin", (begin < window).choose(window, begin))


def lesser(a, b):
    """The lesser of two scalars."""
    return Term(f"{a.inner} < {b.inner} ? {a.inner} : {b.inner}", False)


def state_of(p, heads, row, head):
    """Where a call that is not the last word leaves a head's reference and sum of shares."""
    return p.argument("state", "f32") + (row * heads + head) * 2


def _fade(p, steps, place, state):
    """Turns a head's scores into shares of the new maximum; keeps by how much older ones fade."""
    lanes = steps.lanes
    row = p.pointer("row", steps.share + place)
    old = p.let("old", p.load_f32(state))
    peak = p.let("peak", p.load_f32(row))
    for i in range(lanes, BLOCK_TOKENS, lanes):
        p.set(peak, p.maximum_f32(peak, p.load_f32(row + i)))
    p.across(peak, p.maximum_f32)
    p.set(peak, p.maximum_f32(peak, old))
    p.do(p.store_f32(state, peak))
    before = p.let("before", p.subtract_f32(old, peak))
    fade = exponential(p, before, "fade")
    p.do(p.store_f32(state + 2 * lanes, fade))
    total = p.let("total", p.zero_f32())
    with p.loop("i", BLOCK_TOKENS, step=lanes) as i:
        x = p.let("x", p.subtract_f32(p.load_f32(row + i), peak))
        e = exponential(p, x, "e")
        p.set(total, p.add_f32(total, e))
        steps.keep(place + i, e)
    p.across(total, p.add_f32)
    sums = state + lanes
    p.do(p.store_f32(sums, p.add_f32(p.multiply_f32(p.load_f32(sums), fade), total)))


def blockwise(kind, kv):
    """The trace of a schedule whose steps on a block are those of `kind`; what it leaves is floats."""

    def attention(p, H, G, D, W=0, scale=0.0, floats=0.0):
        all_rows(p, kind(p, kv, H, G, D, scale or D**-0.5), W)

    return attention


def all_rows(p, steps, W):
    """The rows of the call, `steps.rows` at a time."""
    lanes, group = steps.lanes, steps.group
    steps.begin()
    p.note("Of each row and head its maximum, its sum and its fading, in every lane.")
    held = p.array("held", "f32", steps.rows * group * 3 * lanes)

    def state(r, h):
        return held + (r * group + h) * (3 * lanes)

    with p.loop("g", p.scalar("last"), start=p.scalar("first")) as g:
        if steps.rows < ATTENTION_ROWS:
            with p.loop("base", p.rows, step=steps.rows) as base:
                some = p.minimum("some", p.index("after", p.rows - base), steps.rows)
                begin = p.index("row_position", p.scalar("position") + base)
                _rows(p, steps, state, g, base, begin, some, W)
        else:
            _rows(p, steps, state, g, 0, p.scalar("position"), p.rows, W)


def _rows(p, steps, state, g, base, position, some, W):
    """One group of heads of `some` rows, the first at `position`."""
    lanes, group, kv, D = steps.lanes, steps.group, steps.kv, steps.D
    zero = p.zero_f32
    with p.loop("r", some) as r:
        with p.loop("h", group) as h:
            place = p.pointer("at", state(r, h))
            p.do(p.store_f32(place, p.broadcast_f32(LEAST)))
            p.do(p.store_f32(place + lanes, zero()))
            p.do(p.store_f32(place + 2 * lanes, zero()))
            steps.clear(base, r, g, h)
    steps.group_begins(g, base, some)
    last = p.index("last_position", position + some)
    end = p.index("end", lesser(last, p.scalar("to")))
    begin = first_block(p, position, W)
    with p.loop("start", end, step=BLOCK_TOKENS, start=begin) as start:
        keys = p.pointer("keys", steps.block(g, start // BLOCK_TOKENS))
        values = p.pointer("values", keys + half_bytes(kv, D))
        filled = p.minimum("filled", p.index("left", end - start), BLOCK_TOKENS)

        def visible(r, start=start):
            return p.minimum("seen", p.index("until", position + r + 1 - start), BLOCK_TOKENS)

        first = p.index("from_row", beyond(start, position))
        until = some
        if W:
            until = p.index("until_row", lesser(start + (W + BLOCK_TOKENS - 1) - position, some))
        p.note("Scores; positions that a row does not see stay at the least value.")
        with p.loop("i", some * (group * BLOCK_TOKENS), step=lanes) as i:
            p.do(p.store_f32(steps.share + i, zero()))
        with p.loop("c", D, step=steps.chunk) as c:
            steps.keys(keys, c)
            steps.scores(g, base, first, until, keys, c)
        p.note("Shares relative to the new maximum.")
        with p.loop("r", until, start=first) as r:
            seen = p.index("seen", position + r + 1 - start)
            with p.loop("h", group) as h:
                place = p.index("place", steps.shares(r, h))
                with p.loop("t", BLOCK_TOKENS, start=seen) as t:
                    p.do(p.store_first_f32(steps.share + (place + t), p.broadcast_f32(LEAST)))
                if W:
                    before = p.index("before_window", beyond(seen, W))
                    with p.loop("t", before) as t:
                        p.do(p.store_first_f32(steps.share + (place + t), p.broadcast_f32(LEAST)))
                _fade(p, steps, place, state(r, h))
        with p.loop("c", D, step=steps.chunk) as c:
            steps.values(values, c, filled)
            steps.mix(g, base, first, until, values, c, visible, state)
    with p.loop("r", some) as r:
        with p.loop("h", group) as h:
            total = p.let("total", p.load_f32(state(r, h) + lanes))
            inverse = p.let("inverse", p.divide_f32(p.broadcast_f32(1.0), total))
            with p.when(LEFT):
                left = p.pointer("left", state_of(p, steps.heads, base + r, g * group + h))
                p.do(p.store_first_f32(left, p.load_f32(state(r, h))))
                p.do(p.store_first_f32(left + 1, total))
                p.set(inverse, p.broadcast_f32(1.0))
            steps.finish(base, r, g, h, inverse)
