"""Attention in 512-bit vectors. One row reads the cache once, converting as it goes: a vector of keys is
8 positions by a pair of dimensions, one of values 8 dimensions by a pair of positions, and pairs of
lanes are added once at the end. Several rows share a block's conversion."""

from cllm_gen.lower.kernel_terms import Term
from cllm_gen.lower.kv_layout import BLOCK_TOKENS, half_bytes
from specs.kernels.attention_blocks import Floats, all_rows

PAIRS = 8  # in a vector


class OneRow(Floats):
    """Steps of a single row over a cache of f16."""

    def begin(self):
        p = self.p
        self.rows = 1
        self.scaled = p.array("scaled", "f32", self.group * self.D)
        self.share = p.array("share", "f32", self.group * BLOCK_TOKENS)
        self.mixed = p.array("mixed", "f32", self.group * self.D * 2)
        self.chunk = self.D

    def group_begins(self, g, base, some):
        p = self.p
        with p.loop("i", self.group * self.D, step=self.lanes) as i:
            x = p.load_f32(self.q + (self.head(base, 0, g, 0) + i))
            p.do(p.store_f32(self.scaled + i, p.multiply_f32(x, p.broadcast_f32(self.scale))))

    def clear(self, base, r, g, h):
        p = self.p
        with p.loop("i", 2 * self.D, step=self.lanes) as i:
            p.do(p.store_f32(self.mixed + (h * (2 * self.D) + i), p.zero_f32()))

    def finish(self, base, r, g, h, inverse):
        p = self.p
        with p.loop("i", self.D, step=self.lanes) as i:
            pairs = self.mixed + (h * (2 * self.D) + i * 2)
            out = self._joined(p.load_f32(pairs), p.load_f32(pairs + self.lanes), "")
            place = self.y + (self.head(base, r, g, h) + i)
            p.do(p.store_f32(place, p.multiply_f32(out, inverse)))

    def _joined(self, a, b, suffix):
        """Sums of the pairs of lanes of two vectors."""
        p = self.p
        a = a if a.name else p.let(f"low{suffix}", a)
        b = b if b.name else p.let(f"high{suffix}", b)
        return p.add_f32(p.evens_f32(a, b), p.odds_f32(a, b))

    def block_begins(self, g, start, end):
        """The next block, of which as much is fetched as is read of this one."""
        p, index = self.p, start // BLOCK_TOKENS
        more = p.index("more", (start + BLOCK_TOKENS < end).choose(1, 0))
        self.next = p.pointer("next", self.block(g, index + more))

    def keys(self, keys, c):
        """Keys are converted where they are used."""

    def values(self, values, c, filled):
        """So are values."""

    def scores(self, g, base, begin, end, keys, c):
        p, group = self.p, self.group
        vectors = BLOCK_TOKENS // PAIRS
        pairs = p.pointer("pairs", keys.cast("u16"))
        dots = [[p.let(f"dot{h}_{n}", p.zero_f32()) for n in range(vectors)] for h in range(group)]
        with p.loop("i", self.D // 2) as i:
            for line in (0, 64):
                p.prefetch(self.next + (i * (4 * BLOCK_TOKENS) + line))
            near = [
                p.let(f"key{n}", p.load_f16(pairs + (i * (2 * BLOCK_TOKENS) + n * self.lanes)))
                for n in range(vectors)
            ]
            for h in range(group):
                x = p.let(f"q{h}", p.broadcast_pair_f32(self.scaled + (i * 2 + h * self.D)))
                for n in range(vectors):
                    p.add_product(dots[h][n], near[n], x)
        for h in range(group):
            for n in range(0, vectors, 2):
                place = self.share + (h * BLOCK_TOKENS + n * PAIRS)
                p.do(p.store_f32(place, self._joined(dots[h][n], dots[h][n + 1], "")))

    def mix(self, g, base, begin, end, values, c, filled, state):
        p, group, lanes = self.p, self.group, self.lanes
        wide = next(n for n in (8, 4, 2) if n * group <= 24 and self.D % (n * PAIRS) == 0)
        pairs = p.pointer("value_pairs", values.cast("u16"))
        with p.loop("i", 2 * self.D, step=wide * lanes) as i:
            places = [self.mixed + (i + h * (2 * self.D)) for h in range(group)]
            sums = []
            for h in range(group):
                fade = p.let(f"fade{h}", p.load_f32(state(0, h) + 2 * lanes))
                sums.append(
                    [
                        p.let(
                            f"out{h}_{n}", p.multiply_f32(p.load_f32(places[h] + lanes * n), fade)
                        )
                        for n in range(wide)
                    ]
                )
            with p.loop("t", filled // 2) as t:
                for line in range(0, wide * lanes * 2, 64):
                    ahead = self.next + half_bytes(self.kv, self.D)
                    p.prefetch(ahead + (t * (4 * self.D) + i * 2 + line))
                self._add(pairs + (t * (2 * self.D) + i), t, sums, p.load_f16)
            p.note("The last of an odd number of positions.")
            with p.loop("t", p.index("half", (filled + 1) // 2), start=filled // 2) as t:
                self._add(pairs + (t * (2 * self.D) + i), t, sums, p.load_even_f16)
            for h in range(group):
                for n in range(wide):
                    p.do(p.store_f32(places[h] + lanes * n, sums[h][n]))

    def _add(self, pairs, t, sums, load):
        """Adds one pair of positions by its shares."""
        p = self.p
        weights = [
            p.let(f"weight{h}", p.broadcast_pair_f32(self.share + (t * 2 + h * BLOCK_TOKENS)))
            for h in range(self.group)
        ]
        for n in range(len(sums[0])):
            value = p.let(f"value{n}", load(pairs + n * self.lanes))
            for h in range(self.group):
                p.add_product(sums[h][n], weights[h], value)


def attention_f16(p, H, G, D, W=0, scale=0.0):
    """Steps of one row, and of several."""
    with p.loop("alone", Term("(rows == 1)")):
        all_rows(p, OneRow(p, "f16", H, G, D, scale or D**-0.5), W)
    with p.loop("several", Term("(rows > 1)")):
        all_rows(p, Floats(p, "f16", H, G, D, scale or D**-0.5), W)
