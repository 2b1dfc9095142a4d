"""Kernels over rows of floats that families beside Llama's need: sums, scales, biases, rotary
positions over halves, GELU gates."""

from cllm_gen.spec.kernel import Kernel, Schedule
from specs.isa.avx2 import avx2
from specs.isa.sse2 import sse2
from specs.schedules import gates


def _schedules(steps, what, free=()):
    return {
        isa.name: Schedule(isa, steps, f"{lanes} values a vector{what}", free=free)
        for isa, lanes in ((sse2, 4), (avx2, 8))
    }


def _add(p, K):
    x, y = p.argument("x", "f32"), p.argument("y", "f32")
    with p.loop("k", p.rows * K, step=p.lanes("add_f32")) as k:
        p.do(p.store_f32(y + k, p.add_f32(p.load_f32(y + k), p.load_f32(x + k))))


add_f32 = Kernel(
    operation="add",
    type="f32",
    summary="Adds rows to rows.",
    shape=("K",),
    arguments={"rows": "size", "x": "in f32", "y": "out f32"},
    algorithm="""
        for r < rows, k < K
        y[r, k] = y[r, k] + x[r, k]
    """,
    schedules=_schedules(_add, ""),
)


def _scale(p, K):
    x, y = p.argument("x", "f32"), p.argument("y", "f32")
    factor = p.let("factors", p.broadcast_f32(p.scalar("factor")))
    with p.loop("k", p.rows * K, step=p.lanes("add_f32")) as k:
        p.do(p.store_f32(y + k, p.multiply_f32(p.load_f32(x + k), factor)))


scale_f32 = Kernel(
    operation="scale",
    type="f32",
    summary="Multiplies rows by a number. y may be x.",
    shape=("K",),
    arguments={"rows": "size", "x": "in f32", "factor": "f32", "y": "out f32"},
    algorithm="""
        for r < rows, k < K
        y[r, k] = x[r, k] * factor
    """,
    schedules=_schedules(_scale, ""),
)


def _add_bias(p, K):
    bias, lanes = p.argument("bias", "f32"), p.lanes("add_f32")
    for r, _ in p.tile_rows(1):
        row = p.pointer("row", p.argument("y", "f32") + r * K)
        with p.loop("k", K, step=lanes) as k:
            p.do(p.store_f32(row + k, p.add_f32(p.load_f32(row + k), p.load_f32(bias + k))))


add_bias_f32 = Kernel(
    operation="add_bias",
    type="f32",
    summary="Adds the same vector to each row.",
    shape=("K",),
    arguments={"rows": "size", "bias": "in f32", "y": "out f32"},
    algorithm="""
        for r < rows, k < K
        y[r, k] = y[r, k] + bias[k]
    """,
    schedules=_schedules(_add_bias, ""),
)


def _rope_halves(p, H, D):
    half = D // 2
    for r, _ in p.tile_rows(1):
        cosines = p.pointer("cosine", p.argument("cosines", "f32") + r * half)
        sines = p.pointer("sine", p.argument("sines", "f32") + r * half)
        with p.loop("d", half, step=p.lanes("add_f32")) as d:
            c = p.let("c", p.load_f32(cosines + d))
            s = p.let("s", p.load_f32(sines + d))
            with p.loop("h", H) as h:
                low = p.pointer("low", p.argument("x", "f32") + ((r * H + h) * D + d))
                x = p.let("x0", p.load_f32(low))
                y = p.let("x1", p.load_f32(low + half))
                turned = p.subtract_f32(p.multiply_f32(x, c), p.multiply_f32(y, s))
                p.do(p.store_f32(low, turned))
                turned = p.add_f32(p.multiply_f32(y, c), p.multiply_f32(x, s))
                p.do(p.store_f32(low + half, turned))


rope_halves_f32 = Kernel(
    operation="rope_halves",
    type="f32",
    summary="Turns each head's pairs of a half and the other by its position's angle, in place.",
    shape=("H", "D"),
    arguments={"rows": "size", "cosines": "in f32", "sines": "in f32", "x": "out f32"},
    algorithm="""
        for r < rows, h < H, d < D
        across[r, h, d] = select(d < D // 2, 0 - x[r, h, (d + D // 2) % D], x[r, h, (d + D // 2) % D])
        x[r, h, d] = x[r, h, d] * cosines[r, d % (D // 2)] + across[r, h, d] * sines[r, d % (D // 2)]
    """,
    schedules=_schedules(_rope_halves, ", an angle shared by all heads", free=("H",)),
)


def _gelu_multiply(p, K):
    with p.loop("k", p.rows * K, step=p.lanes("add_f32")) as k:
        gate = p.load_f32(p.argument("gate", "f32") + k)
        up = p.load_f32(p.argument("up", "f32") + k)
        share = gates.gated(p, "gelu", gates.gelu, gate, up)
        p.do(p.store_f32(p.argument("y", "f32") + k, share))


gelu_multiply_f32 = Kernel(
    operation="gelu_multiply",
    type="f32",
    summary="GELU (by tanh) of gate times up. y may be gate or up.",
    shape=("K",),
    arguments={"rows": "size", "gate": "in f32", "up": "in f32", "y": "out f32"},
    algorithm="""
        for r < rows, k < K
        y[r, k] = up[r, k] * gate[r, k] / (1 + exp(-1.5957691216057308 * (gate[r, k] + 0.044715 * gate[r, k] * gate[r, k] * gate[r, k])))
    """,
    schedules=_schedules(_gelu_multiply, ""),
)
