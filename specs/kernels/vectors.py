"""Kernels over rows of floats: norm, rotary positions, gated activation."""

from cllm_gen.spec.kernel import Kernel, Schedule
from specs.isa.avx2 import avx2
from specs.isa.avx512 import avx512
from specs.isa.sse2 import sse2
from specs.schedules.exponential import exponential
from specs.schedules.normalise import normalise


def _rms_norm(p, K):
    for r, _ in p.tile_rows(1):
        source = p.pointer("source", p.argument("x", "f32") + r * K)
        normalise(p, K, source, p.pointer("target", p.argument("y", "f32") + r * K))


rms_norm_f32 = Kernel(
    operation="rms_norm",
    type="f32",
    summary="Divides each row by its root mean square and multiplies by gain. y may be x.",
    shape=("K",),
    arguments={"rows": "size", "x": "in f32", "gain": "in f32", "epsilon": "f32", "y": "out f32"},
    algorithm="""
        for r < rows, k < K
        y[r, k] = gain[k] * x[r, k] / sqrt(sum(j < K: x[r, j] * x[r, j]) / K + epsilon)
    """,
    schedules={
        isa.name: Schedule(
            isa,
            _rms_norm,
            f"{lanes} values a vector, up to 4 partial sums",
            fits=lambda K, lanes=lanes, **shape: K % lanes == 0,
        )
        for isa, lanes in ((sse2, 4), (avx2, 8), (avx512, 16))
    },
)


def _rope(p, H, D):
    for r, _ in p.tile_rows(1):
        cosines = p.pointer("cosine", p.argument("cosines", "f32") + r * (D // 2))
        sines = p.pointer("sine", p.argument("sines", "f32") + r * (D // 2))
        with p.loop("d", D // 2, step=4) as d:
            c = p.let("c", p.load_f32(cosines + d))
            s = p.let("s", p.load_f32(sines + d))
            spread = [
                (
                    p.let(f"c_{name}", twice(c)),
                    p.let(f"s_{name}", p.multiply_f32(twice(s), p.alternate_f32())),
                )
                for name, twice in (("low", p.low_twice_f32), ("high", p.high_twice_f32))
            ]
            with p.loop("h", H) as h:
                head = p.pointer("head", p.argument("x", "f32") + ((r * H + h) * D + d * 2))
                for i, (cosine, sine) in enumerate(spread):
                    x = p.let(f"x{i}", p.load_f32(head + 4 * i))
                    turned = p.multiply_f32(p.swap_pairs_f32(x), sine)
                    p.do(p.store_f32(head + 4 * i, p.add_f32(p.multiply_f32(x, cosine), turned)))


def _rope_wide(p, H, D):
    lanes = p.lanes("add_f32")
    for r, _ in p.tile_rows(1):
        cosines = p.pointer("cosine", p.argument("cosines", "f32") + r * (D // 2))
        sines = p.pointer("sine", p.argument("sines", "f32") + r * (D // 2))
        with p.loop("d", D, step=lanes) as d:
            c = p.let("c", p.load_twice_f32(cosines + d // 2))
            s = p.let("s", p.load_twice_f32(sines + d // 2))
            with p.loop("h", H) as h:
                place = p.pointer("place", p.argument("x", "f32") + ((r * H + h) * D + d))
                x = p.let("x0", p.load_f32(place))
                across = p.multiply_f32(p.swap_pairs_f32(x), s)
                p.do(p.store_f32(place, p.multiply_subtract_add_f32(x, c, across)))


rope_f32 = Kernel(
    operation="rope",
    type="f32",
    summary="Turns each pair of neighbours in each head by its position's angle, in place.",
    shape=("H", "D"),
    arguments={"rows": "size", "cosines": "in f32", "sines": "in f32", "x": "out f32"},
    algorithm="""
        for r < rows, h < H, i < D // 2
        x[r, h, 2*i] = x[r, h, 2*i] * cosines[r, i] - x[r, h, 2*i + 1] * sines[r, i]
        x[r, h, 2*i + 1] = x[r, h, 2*i + 1] * cosines[r, i] + x[r, h, 2*i] * sines[r, i]
    """,
    schedules={
        "sse2": Schedule(
            sse2, _rope, "two pairs a vector, an angle shared by all heads", free=("H",)
        ),
        "avx512": Schedule(
            avx512,
            _rope_wide,
            "eight pairs a vector, an angle shared by all heads",
            free=("H",),
            fits=lambda D, **shape: D % 16 == 0,
        ),
    },
)


def _silu_multiply(p, K):
    lanes = p.lanes("add_f32")
    with p.loop("k", p.rows * K, step=lanes) as k:
        gate = p.let("gated", p.load_f32(p.argument("gate", "f32") + k))
        negative = p.let("negative", p.subtract_f32(p.zero_f32(), gate))
        e = exponential(p, negative, "e")
        share = p.divide_f32(gate, p.add_f32(e, p.broadcast_f32(1.0)))
        p.do(
            p.store_f32(
                p.argument("y", "f32") + k,
                p.multiply_f32(share, p.load_f32(p.argument("up", "f32") + k)),
            )
        )


silu_multiply_f32 = Kernel(
    operation="silu_multiply",
    type="f32",
    summary="SiLU of gate times up. y may be gate or up.",
    shape=("K",),
    arguments={"rows": "size", "gate": "in f32", "up": "in f32", "y": "out f32"},
    algorithm="""
        for r < rows, k < K
        y[r, k] = up[r, k] * gate[r, k] / (1 + exp(-gate[r, k]))
    """,
    schedules={
        isa.name: Schedule(isa, _silu_multiply, f"{lanes} values a vector")
        for isa, lanes in ((sse2, 4), (avx2, 8))
    },
)
