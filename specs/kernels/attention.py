"""Attention of one row over a paged cache, in one pass: 32 positions at a time, with a running
maximum, so that no score outlives its block of the cache."""

from cllm_gen.spec.kernel import Kernel, Schedule
from specs.isa.avx2 import avx2
from specs.isa.sse2 import sse2
from specs.isa.word32 import word32
from specs.isa.word64 import word64
from specs.kernels.exponential import exponential

POSITIONS = 32  # of one cache block: KV_BLOCK_TOKENS


class Floats:
    """Scores and mixtures in vectors of floats."""

    def __init__(self, p, H, G, D):
        self.p, self.group, self.D, self.lanes = p, H // G, D, p.lanes("add_f32")
        self.q, self.y = p.argument("q", "f32"), p.argument("y", "f32")

    def begin(self, g):
        """Before the first block of a group of heads."""

    def scores(self, g, keys, count, share):
        """share[h][t] = the score of position t for head h of group g."""
        p, group, D = self.p, self.group, self.D
        with p.loop("t", count) as t:
            dots = [p.let(f"dot{h}", p.zero_f32()) for h in range(group)]
            with p.loop("d", D, step=self.lanes) as d:
                key = p.let("key", p.load_f32(keys + (t * D + d)))
                for h, dot in enumerate(dots):
                    p.add_product(dot, key, p.load_f32(self.q + ((g * group + h) * D + d)))
            for h, dot in enumerate(dots):
                p.across(dot, p.add_f32)
                scaled = p.multiply_f32(dot, p.broadcast_f32(D**-0.5))
                p.do(p.store_first_f32(share + (t + h * POSITIONS), scaled))

    def keep(self, share, h, i, e):
        """Keeps a vector of shares for `mix`."""
        self.p.do(self.p.store_f32(share + (h * POSITIONS + i), e))

    def mix(self, g, values, count, share):
        """y[h] += the block's values by their shares."""
        p, group, D, lanes = self.p, self.group, self.D, self.lanes
        chunk = min(D // lanes, 4)
        with p.loop("d", D, step=chunk * lanes) as d:
            heads = [self.y + ((g * group + h) * D + d) for h in range(group)]
            sums = [
                [p.let(f"out{h}_{c}", p.load_f32(heads[h] + lanes * c)) for c in range(chunk)]
                for h in range(group)
            ]
            with p.loop("t", count) as t:
                weights = [
                    p.let(f"weight{h}", p.broadcast_f32(share.at(t + h * POSITIONS)))
                    for h in range(group)
                ]
                for c in range(chunk):
                    value = p.let(f"value{c}", p.load_f32(values + (t * D + d + lanes * c)))
                    for h in range(group):
                        p.add_product(sums[h][c], weights[h], value)
            for h in range(group):
                for c in range(chunk):
                    p.do(p.store_f32(heads[h] + lanes * c, sums[h][c]))


class Words(Floats):
    """Scores and mixtures in whole numbers of general registers, for emulators, where a float
    operation costs as much as fifty others. Keys and values are read as numbers with 16 binary
    places (their magnitudes are below 2^15), a head's query has 15 bits, a share 24."""

    def begin(self, g):
        p, group, D = self.p, self.group, self.D
        self.whole_q = p.array("whole_q", "i32", group * D)
        self.units = p.array("unit", "f32", group)
        self.whole_share = p.array("whole_share", "i32", group * POSITIONS)
        self.mixed = p.array("mixed", "i32", group * D)
        with p.loop("h", group) as h:
            query = p.pointer("query", self.q + (g * group + h) * D)
            peak = p.let("largest", p.broadcast_f32(1e-20))
            with p.loop("d", D, step=4) as d:
                x = p.let("x", p.load_f32(query + d))
                size = p.maximum_f32(x, p.subtract_f32(p.zero_f32(), x))
                p.set(peak, p.maximum_f32(peak, size))
            p.across(peak, p.maximum_f32)
            scale = p.let("whole_scale", p.divide_f32(p.broadcast_f32(32767.0), peak))
            with p.loop("d", D, step=4) as d:
                whole = p.round_f32(p.multiply_f32(p.load_f32(query + d), scale))
                p.do(p.store_i8(self.whole_q + (h * D + d), whole))
            unit = p.multiply_f32(peak, p.broadcast_f32(D**-0.5 / 32767 / 65536))
            p.do(p.store_first_f32(self.units + h, unit))

    def _fixed(self, name, bits):
        """The float with these bits, times 65536, towards zero."""
        p = self.p
        bits = p.let(name, p.plus(bits, 0))
        size = p.double(p.either(p.both(bits, 0x7FFFFF), 0x800000), 7)
        places = p.minus(141, p.both(p.halve(bits, 23), 255))
        shift = p.let(f"{name}_shift", places)
        held = p.let(f"{name}_size", p.halve_by(size, p.least(shift, 31)))
        sign = p.let(f"{name}_sign", p.halve(bits, 31))
        return p.let(f"{name}_whole", p.minus(p.differ(held, sign), sign))

    def scores(self, g, keys, count, share):
        p, group, D = self.p, self.group, self.D
        with p.loop("t", count) as t:
            totals = [p.let(f"total{h}", p.start(0)) for h in range(group)]
            row = p.pointer("row", (keys + t * D).cast("i32"))
            with p.loop("d", D) as d:
                key = self._fixed("key", row.at(d))
                for h, total in enumerate(totals):
                    p.set(total, p.accumulate(total, key, self.whole_q.at(d + h * D)))
            for h, total in enumerate(totals):
                score = p.times_f32(p.round_i64(total), self.units.at(h))
                p.do(p.store_one_f32(share + (t + h * POSITIONS), score))

    def keep(self, share, h, i, e):
        p = self.p
        whole = p.round_f32(p.multiply_f32(e, p.broadcast_f32(float(2**24))))
        p.do(p.store_i8(self.whole_share + (h * POSITIONS + i), whole))

    def mix(self, g, values, count, share):
        p, group, D = self.p, self.group, self.D
        with p.loop("d", D, step=2) as d:
            totals = [[p.let(f"total{h}_{c}", p.start(0)) for c in range(2)] for h in range(group)]
            with p.loop("t", count) as t:
                row = p.pointer("row", (values + (t * D + d)).cast("i32"))
                for c in range(2):
                    value = self._fixed(f"value{c}", row.at(c))
                    for h in range(group):
                        weight = self.whole_share.at(t + h * POSITIONS)
                        p.set(totals[h][c], p.accumulate(totals[h][c], value, weight))
            for h in range(group):
                for c in range(2):
                    p.do(
                        p.store_one_i32(
                            self.mixed + (d + h * D + c), p.narrow_i64(totals[h][c], 24)
                        )
                    )
        with p.loop("i", group * D, step=4) as i:
            out = self.y + (g * (group * D) + i)
            more = p.multiply_f32(p.to_f32(p.load_i8(self.mixed + i)), p.broadcast_f32(2.0**-16))
            p.do(p.store_f32(out, p.add_f32(p.load_f32(out), more)))


def _shares(p, steps, share, state, h):
    """Turns a head's scores into shares; returns by how much older shares fade."""
    lanes = p.lanes("add_f32")
    row = p.pointer("head", share + h * POSITIONS)
    old = p.let("old", p.load_f32(state + h * (2 * lanes)))
    peak = p.let("peak", p.load_f32(row))
    for i in range(lanes, POSITIONS, lanes):
        p.set(peak, p.maximum_f32(peak, p.load_f32(row + i)))
    p.across(peak, p.maximum_f32)
    p.set(peak, p.maximum_f32(peak, old))
    p.do(p.store_f32(state + h * (2 * lanes), peak))
    before = p.let("before", p.subtract_f32(old, peak))
    fade = exponential(p, before, "fade")
    total = p.let("total", p.zero_f32())
    with p.loop("i", POSITIONS, step=lanes) as i:
        x = p.let("x", p.subtract_f32(p.load_f32(row + i), peak))
        e = exponential(p, x, "e")
        p.set(total, p.add_f32(total, e))
        steps.keep(share, h, i, e)
    p.across(total, p.add_f32)
    sums = state + (h * (2 * lanes) + lanes)
    p.do(p.store_f32(sums, p.add_f32(p.multiply_f32(p.load_f32(sums), fade), total)))
    return fade


def _attention(products):
    def attention(p, H, G, D):
        lanes, group = p.lanes("add_f32"), H // G
        p.ignore("scores")
        y = p.argument("y", "f32")
        share = p.array("share", "f32", group * POSITIONS)
        state = p.array("state", "f32", group * 2 * lanes)  # maximum and sum, in every lane
        steps = products(p, H, G, D)
        with p.loop("g", G) as g:
            steps.begin(g)
            with p.loop("h", group) as h:
                p.do(p.store_f32(state + h * (2 * lanes), p.broadcast_f32(-1e30)))
                p.do(p.store_f32(state + (h * (2 * lanes) + lanes), p.zero_f32()))
            with p.loop("i", group * D, step=lanes) as i:
                p.do(p.store_f32(y + (g * (group * D) + i), p.zero_f32()))
            with p.loop("start", p.scalar("length"), step=POSITIONS) as start:
                block = p.argument("blocks", "u32").at(start // POSITIONS)
                cache = p.argument("layer_cache", "u8") + p.scalar("(size_t)KV_BLOCK_BYTES") * block
                keys = p.pointer("keys", cache.cast("f32") + g * (POSITIONS * D))
                values = p.pointer("values", keys + G * POSITIONS * D)
                left = p.index("left", p.scalar("length") - start)
                count = p.minimum("count", left, POSITIONS)
                p.note("Scores of the block; those past its end stay at the least value.")
                with p.loop("i", group * POSITIONS, step=lanes) as i:
                    p.do(p.store_f32(share + i, p.broadcast_f32(-1e30)))
                steps.scores(g, keys, count, share)
                p.note("Shares relative to the new maximum; what came before is rescaled.")
                with p.loop("h", group) as h:
                    fade = _shares(p, steps, share, state, h)
                    with p.loop("i", D, step=lanes) as i:
                        out = y + ((g * group + h) * D + i)
                        p.do(p.store_f32(out, p.multiply_f32(p.load_f32(out), fade)))
                steps.mix(g, values, count, share)
            with p.loop("h", group) as h:
                total = p.let("total", p.load_f32(state + (h * (2 * lanes) + lanes)))
                inverse = p.let("inverse", p.divide_f32(p.broadcast_f32(1.0), total))
                with p.loop("i", D, step=lanes) as i:
                    out = y + ((g * group + h) * D + i)
                    p.do(p.store_f32(out, p.multiply_f32(p.load_f32(out), inverse)))

    return attention


attention_f32 = Kernel(
    operation="attention",
    type="f32",
    summary="One row's attention: H query heads over G key/value heads. scores is not used.",
    shape=("H", "G", "D"),
    arguments={
        "q": "in f32",
        "layer_cache": "in u8",
        "blocks": "in u32",
        "length": "size",
        "scores": "out f32",
        "y": "out f32",
    },
    algorithm="""
        for h < H, d < D, p < length
        score[h, p] = sum(j < D: q[h, j] * keys[h // (H // G), p, j]) / sqrt(D)
        share[h, p] = exp(score[h, p] - maximum(t < length: score[h, t]))
        y[h, d] = sum(t < length: share[h, t] * values[h // (H // G), t, d]) / sum(t < length: share[h, t])
    """,
    schedules={
        "sse2": Schedule(
            sse2, _attention(Floats), "4 values a vector; grouped heads share keys and values"
        ),
        "avx2": Schedule(
            avx2, _attention(Floats), "8 values a vector; grouped heads share keys and values"
        ),
        "word64": Schedule(
            word64, _attention(Words), "whole numbers; grouped heads share keys and values"
        ),
        "word32": Schedule(
            word32, _attention(Words), "whole numbers; grouped heads share keys and values"
        ),
    },
)
