"""Attention of one row over a paged cache, in one pass: 32 positions at a time, with a running
maximum, so that no score outlives its block of the cache."""

from cllm_gen.spec.kernel import Kernel, Schedule
from specs.isa.avx2 import avx2
from specs.isa.sse2 import sse2
from specs.kernels.exponential import exponential

POSITIONS = 32  # of one cache block: KV_BLOCK_TOKENS


def _attention(p, H, G, D):
    lanes, group = p.lanes("add_f32"), H // G
    chunk = min(D // lanes, 4)
    p.ignore("scores")
    q, y = p.argument("q", "f32"), p.argument("y", "f32")
    share = p.array("share", "f32", group * POSITIONS)
    state = p.array("state", "f32", group * 2 * lanes)  # running maximum and sum, in every lane
    with p.loop("g", G) as g:
        with p.loop("h", group) as h:
            p.do(p.store_f32(state + h * (2 * lanes), p.broadcast_f32(-1e30)))
            p.do(p.store_f32(state + (h * (2 * lanes) + lanes), p.zero_f32()))
        with p.loop("i", group * D, step=lanes) as i:
            p.do(p.store_f32(y + (g * (group * D) + i), p.zero_f32()))
        with p.loop("start", p.index("end", p.scalar("length")), step=POSITIONS) as start:
            keys = p.pointer(
                "keys",
                (
                    p.argument("layer_cache", "u8")
                    + p.scalar("(size_t)KV_BLOCK_BYTES")
                    * p.argument("blocks", "u32").at(start // POSITIONS)
                ).cast("f32")
                + g * (POSITIONS * D),
            )
            values = p.pointer("values", keys + G * POSITIONS * D)
            count = p.minimum("count", p.index("left", p.scalar("end") - start), POSITIONS)
            p.note("Scores of the block; those past its end stay at the least value.")
            with p.loop("i", group * POSITIONS, step=lanes) as i:
                p.do(p.store_f32(share + i, p.broadcast_f32(-1e30)))
            with p.loop("t", count) as t:
                dots = [p.let(f"dot{h}", p.zero_f32()) for h in range(group)]
                with p.loop("d", D, step=lanes) as d:
                    key = p.let("key", p.load_f32(keys + (t * D + d)))
                    for h, dot in enumerate(dots):
                        query = p.load_f32(q + ((g * group + h) * D + d))
                        p.add_product(dot, key, query)
                for h, dot in enumerate(dots):
                    p.across(dot, p.add_f32)
                    p.do(
                        p.store_first_f32(
                            share + (t + h * POSITIONS),
                            p.multiply_f32(dot, p.broadcast_f32(D**-0.5)),
                        )
                    )
            with p.loop("h", group) as h:
                p.note(
                    "Shares of the block relative to the new maximum; what came before is rescaled."
                )
                row = p.pointer("row", share + h * POSITIONS)
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
                    p.do(p.store_f32(row + i, e))
                p.across(total, p.add_f32)
                sums = state + (h * (2 * lanes) + lanes)
                p.do(p.store_f32(sums, p.add_f32(p.multiply_f32(p.load_f32(sums), fade), total)))
                with p.loop("i", D, step=lanes) as i:
                    out = y + ((g * group + h) * D + i)
                    p.do(p.store_f32(out, p.multiply_f32(p.load_f32(out), fade)))
            with p.loop("d", D, step=chunk * lanes) as d:
                outs = [
                    [y + ((g * group + h) * D + d + lanes * c) for c in range(chunk)]
                    for h in range(group)
                ]
                sums = [
                    [p.let(f"out{h}_{c}", p.load_f32(outs[h][c])) for c in range(chunk)]
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
                        p.do(p.store_f32(outs[h][c], sums[h][c]))
        with p.loop("h", group) as h:
            total = p.let("total", p.load_f32(state + (h * (2 * lanes) + lanes)))
            inverse = p.let("inverse", p.divide_f32(p.broadcast_f32(1.0), total))
            with p.loop("i", D, step=lanes) as i:
                out = y + ((g * group + h) * D + i)
                p.do(p.store_f32(out, p.multiply_f32(p.load_f32(out), inverse)))


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
        isa.name: Schedule(
            isa,
            _attention,
            f"{lanes} values a vector; grouped heads share every load of keys and values",
        )
        for isa, lanes in ((sse2, 4), (avx2, 8))
    },
)
