"""Scores and mixtures in whole numbers of general registers, for emulators, where a float operation
costs as much as fifty others. Keys and values are numbers with 14 binary places, a head's query has
15 bits, a share 24."""

from cllm_gen.schedule.kv_layout import BLOCK_TOKENS, SCALED
from specs.schedules.attention_blocks import Floats

PLACES, QUERY, SHARE = 14, 32767.0, 24
_SCALE_PLACES = 21
"""Binary places of a scale of i8, at most 2^9, while it is multiplied."""
ROUND = 1 << (_SCALE_PLACES - PLACES - 1)
_MEMORY = 2048
"""Whole numbers of queries that are kept at once."""


class Words(Floats):
    """Steps of a block for word32 and word64."""

    element = "i32"

    def begin(self):
        p, group, D = self.p, self.group, self.D
        self.rows = next(r for r in (8, 4, 2, 1) if r * group * D <= _MEMORY or r == 1)
        super().begin()
        self.whole_q = p.array("whole_q", "i32", self.rows * group * D)
        self.units = p.array("unit", "f32", self.rows * group)
        self.whole_share = p.array("whole_share", "i32", self.rows * group * BLOCK_TOKENS)
        self.mixed = p.array("mixed", "f32", self.chunk)
        if self.kv == "i8":
            self.whole_scale = p.array("whole_scale", "i32", BLOCK_TOKENS)

    def group_begins(self, g, base, some):
        """Queries in whole numbers, and what a unit of a score is."""
        p, group, D = self.p, self.group, self.D
        with p.loop("r", some) as r:
            with p.loop("h", group) as h:
                query = p.pointer("query", self.q + self.head(base, r, g, h))
                peak = p.let("largest", p.broadcast_f32(1e-20))
                with p.loop("d", D, step=4) as d:
                    x = p.let("x", p.load_f32(query + d))
                    size = p.maximum_f32(x, p.subtract_f32(p.zero_f32(), x))
                    p.set(peak, p.maximum_f32(peak, size))
                p.across(peak, p.maximum_f32)
                scale = p.let("whole", p.divide_f32(p.broadcast_f32(QUERY), peak))
                with p.loop("d", D, step=4) as d:
                    whole = p.round_f32(p.multiply_f32(p.load_f32(query + d), scale))
                    place = self.whole_q + ((r * group + h) * D + d)
                    p.do(p.store_i8(place.cast("i8"), whole))
                unit = p.broadcast_f32(self.scale / QUERY / 2**PLACES)
                p.do(p.store_first_f32(self.units + (r * group + h), p.multiply_f32(peak, unit)))

    def _wholes(self, words, at, scales):
        """What lies together at an index of 32-bit words, in whole numbers; `scales` gives the
        scale of each."""
        p = self.p
        word = p.let("word", p.plus(words.at(at), 0))
        if self.kv == "f16":
            return [self._half("even", word), self._half("odd", p.halve(word, 16))]
        found = []
        for n in range(4):
            part = p.halve(p.double(word, 24 - 8 * n), 24)
            product = p.accumulate(p.start(ROUND), part, scales(n))
            found.append(p.let(f"whole{n}", p.narrow_i64(product, _SCALE_PLACES - PLACES)))
        return found

    def _half(self, name, half):
        """The f16 in the low half of a number, in whole numbers; what is below their last place is
        dropped: a mantissa of 11 bits under bit 31, moved down by the exponent."""
        p = self.p
        half = p.let(name, half) if not half.name else half
        size = p.double(p.either(p.both(half, 0x3FF), 0x400), 20)
        exponent = p.both(p.halve(half, 10), 31)
        held = p.let(f"{name}_size", p.halve_by(size, p.minus(31, exponent)))
        sign = p.let(f"{name}_sign", p.halve(p.double(half, 16), 31))
        return p.let(f"{name}_whole", p.minus(p.differ(held, sign), sign))

    def _scales(self, place):
        """Scales of SCALED dimensions of all positions, in whole numbers."""
        p = self.p
        if self.kv == "i8":
            with p.loop("u", BLOCK_TOKENS, step=4) as u:
                x = p.multiply_f32(p.load_f32(place + u), p.broadcast_f32(2.0**_SCALE_PLACES))
                held = p.minimum_f32(x, p.broadcast_f32(2.0**30))
                p.do(p.store_i8((self.whole_scale + u).cast("i8"), p.round_f32(held)))

    def keys(self, keys, c):
        p, together = self.p, self.together
        words = p.pointer("key_words", keys.cast("i32"))
        scales = (keys + BLOCK_TOKENS * self.D).cast("f32")
        with p.loop("s", self.chunk, step=SCALED) as first:
            self._scales(scales + (c + first) // SCALED * BLOCK_TOKENS)
            with p.loop("i", first + SCALED, step=together, start=first) as i:
                with p.loop("t", BLOCK_TOKENS) as t:
                    at = (c + i) // together * BLOCK_TOKENS + t
                    near = self._wholes(words, at, lambda n: self.whole_scale.at(t))
                    for n, whole in enumerate(near):
                        p.do(p.store_one_i32(self.part + ((i + n) * BLOCK_TOKENS + t), whole))

    def values(self, values, c, filled):
        p, together = self.p, self.together
        words = p.pointer("value_words", values.cast("i32"))
        scales = (values + BLOCK_TOKENS * self.D).cast("f32")
        with p.loop("s", self.chunk, step=SCALED) as first:
            self._scales(scales + (c + first) // SCALED * BLOCK_TOKENS)
            with p.loop("t", filled, step=together) as t:
                with p.loop("i", first + SCALED, start=first) as i:
                    at = t // together * self.D + c + i
                    near = self._wholes(words, at, lambda n: self.whole_scale.at(t + n))
                    for n, whole in enumerate(near):
                        p.do(p.store_one_i32(self.part + ((t + n) * self.chunk + i), whole))

    def scores(self, g, base, begin, end, keys, c):
        p, group, D = self.p, self.group, self.D
        wide = 2 if p.has("high_i32") else 1
        with p.loop("r", end, start=begin) as r:
            with p.loop("t", BLOCK_TOKENS, step=wide) as t:
                totals = [
                    [p.let(f"total{h}_{n}", p.start(0)) for n in range(wide)] for h in range(group)
                ]
                with p.loop("i", self.chunk) as i:
                    near = [
                        p.let(f"key{n}", p.plus(self.part.at(i * BLOCK_TOKENS + t + n), 0))
                        for n in range(wide)
                    ]
                    for h in range(group):
                        place = (r * group + h) * D + c + i
                        x = p.let(f"q{h}", p.plus(self.whole_q.at(place), 0))
                        for n in range(wide):
                            p.set(totals[h][n], p.accumulate(totals[h][n], near[n], x))
                for h in range(group):
                    for n in range(wide):
                        at = self.shares(r, h) + t + n
                        unit = self.units.at(r * group + h)
                        score = p.times_f32(p.round_i64(totals[h][n]), unit)
                        sum_ = p.plus_f32(score, self.share.at(at))
                        p.do(p.store_one_f32(self.share + at, sum_))

    def keep(self, place, e):
        p = self.p
        whole = p.round_f32(p.multiply_f32(e, p.broadcast_f32(2.0**SHARE)))
        p.do(p.store_i8((self.whole_share + place).cast("i8"), whole))

    def mix(self, g, base, begin, end, values, c, visible, state):
        p, group = self.p, self.group
        with p.loop("r", end, start=begin) as r:
            seen = visible(r)
            with p.loop("h", group) as h:
                self._mix_head(r, h, c, seen)
                fade = p.let("fading", p.load_f32(state(r, h) + 2 * self.lanes))
                with p.loop("i", self.chunk, step=4) as i:
                    out = self.y + (self.head(base, r, g, h) + c + i)
                    unit = p.broadcast_f32(2.0 ** -(PLACES + SHARE))
                    more = p.multiply_f32(p.load_f32(self.mixed + i), unit)
                    p.do(p.store_f32(out, p.add_f32(p.multiply_f32(p.load_f32(out), fade), more)))

    def _mix_head(self, r, h, c, seen):
        """mixed = the block's values by a head's shares."""
        p = self.p
        wide = 4 if p.has("high_i32") else 2
        with p.loop("i", self.chunk, step=wide) as i:
            totals = [p.let(f"total{n}", p.start(0)) for n in range(wide)]
            with p.loop("t", seen) as t:
                weight = p.let("weight", p.plus(self.whole_share.at(self.shares(r, h) + t), 0))
                for n in range(wide):
                    value = self.part.at(t * self.chunk + i + n)
                    p.set(totals[n], p.accumulate(totals[n], value, weight))
            for n in range(wide):
                p.do(p.store_one_f32(self.mixed + (i + n), p.round_i64(totals[n])))
