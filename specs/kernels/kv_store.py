"""One row's keys and values into their slot of a KV block; layouts in cllm_gen/schedule/kv_layout.py."""

from cllm_gen.schedule.kv_layout import BLOCK_TOKENS, SCALED, half_bytes
from cllm_gen.spec.kernel import Kernel, Schedule
from specs.isa.avx512 import avx512
from specs.isa.sse2 import sse2

LARGEST = 65504.0  # of f16
LEAST_NORMAL = 2.0**-14


def _halves(p, x):
    """The f16 nearest to each float, ties to even, in the low half of its lane. What is too large
    becomes LARGEST. Normal and subnormal numbers are rounded apart, each where the other rounding
    gives LEAST_NORMAL: in its own last place by an integer, and in that of 0.5, which is 2^-24."""
    sign = p.and_i32(p.as_i32(x), p.broadcast_i32(-(2**31)))
    sign = p.let("sign", p.shift_right_u32(sign, 16))
    size = p.and_f32(x, p.as_f32(p.broadcast_i32(0x7FFFFFFF)))
    size = p.let("size", p.minimum_f32(size, p.broadcast_f32(LARGEST)))
    small = p.minimum_f32(size, p.broadcast_f32(LEAST_NORMAL))
    small = p.subtract_i32(
        p.as_i32(p.add_f32(small, p.broadcast_f32(0.5))), p.broadcast_i32((126 << 23) + 0x400)
    )
    normal = p.maximum_f32(size, p.broadcast_f32(LEAST_NORMAL))
    normal = p.let("normal", p.as_i32(normal))
    last = p.and_i32(p.shift_right_u32(normal, 13), p.broadcast_i32(1))
    # The exponent of f16 begins 112 lower.
    rounding = p.add_i32(last, p.broadcast_i32(0xFFF - (112 << 23)))
    rounded = p.shift_right_u32(p.add_i32(normal, rounding), 13)
    return p.or_i32(p.add_i32(rounded, small), sign)


def _places(kv, D, half):
    """Offset of dimension d of a slot in a group's keys (half 0) or values (half 1), in elements."""
    together = {"f16": 2, "i8": 4}[kv]

    def place(slot, d):
        if half == 0:
            return d // together * (BLOCK_TOKENS * together) + slot * together + d % together
        return slot // together * (D * together) + d * together + slot % together

    return place


def _store_f16(p, G, D):
    slot, kept = p.scalar("slot"), p.array("kept", "i32", 4)
    for half, name in enumerate("kv"):
        place = _places("f16", D, half)
        with p.loop("g", G) as g:
            base = p.argument("layer", "u8") + (g * (2 * half_bytes("f16", D)))
            target = p.pointer(f"{name}_target", (base + half * half_bytes("f16", D)).cast("u16"))
            with p.loop("d", D, step=4) as d:
                x = p.let("x", p.load_f32(p.argument(name, "f32") + (g * D + d)))
                p.do(p.store_i8(kept.cast("i8"), _halves(p, x)))
                for n in range(4):
                    p.do(p.store_u16(target + place(slot, d + n), kept.at(n)))


def _store_f16_wide(p, G, D):
    """A vector of keys goes out as pairs of dimensions; one of values joins the other position of its
    pair, which nobody else writes meanwhile."""
    slot, size = p.scalar("slot"), half_bytes("f16", D)
    kept = p.array("kept", "i32", 8)
    odd = p.index("odd", slot % 2)
    its = p.let("its", p.broadcast_i32((odd > 0).choose(-65536, 65535)))
    other = p.let("other", p.broadcast_i32((odd > 0).choose(65535, -65536)))

    def halves(name, g, d):
        x = p.maximum_f32(
            p.load_f32(p.argument(name, "f32") + (g * D + d)), p.broadcast_f32(-LARGEST)
        )
        return p.round_f16(p.minimum_f32(x, p.broadcast_f32(LARGEST)))

    with p.loop("g", G) as g:
        keys = p.pointer("keys", (p.argument("layer", "u8") + g * (2 * size)).cast("u32"))
        values = p.pointer("values", keys + size // 4)
        with p.loop("d", D, step=16) as d:
            p.do(p.store_f16(kept.cast("u16"), halves("k", g, d)))
            for n in range(8):
                place = keys + ((d // 2 + n) * BLOCK_TOKENS + slot)
                p.do(p.store_u32(place, kept.at(n)))
            x = p.let("x", p.widen_u16(halves("v", g, d)))
            place = p.pointer("place", values + (slot // 2 * D + d))
            both = p.xor_i32(x, p.shift_left_u32(x, 16))
            old = p.and_i32(p.load_i8(place.cast("i8")), other)
            joined = p.xor_i32(p.and_i32(both, its), old)
            p.do(p.store_f32(place.cast("f32"), p.as_f32(joined)))


def _store_i8(p, G, D):
    slot, kept = p.scalar("slot"), p.array("kept", "i32", 4)
    for half, name in enumerate("kv"):
        place = _places("i8", D, half)
        with p.loop("g", G) as g:
            base = p.argument("layer", "u8") + (g * (2 * half_bytes("i8", D)))
            target = p.pointer(f"{name}_target", base + half * half_bytes("i8", D))
            scales = p.pointer(f"{name}_scales", (target + BLOCK_TOKENS * D).cast("f32"))
            with p.loop("c", D, step=SCALED) as c:
                source = p.pointer("source", p.argument(name, "f32") + (g * D + c))
                peak = p.let("peak", p.broadcast_f32(1e-30))
                for n in range(0, SCALED, 4):
                    x = p.let(f"x{n}", p.load_f32(source + n))
                    size = p.and_f32(x, p.as_f32(p.broadcast_i32(0x7FFFFFFF)))
                    p.set(peak, p.maximum_f32(peak, size))
                p.across(peak, p.maximum_f32)
                scale = p.multiply_f32(peak, p.broadcast_f32(1 / 127))
                p.do(p.store_first_f32(scales + (c // SCALED * BLOCK_TOKENS + slot), scale))
                inverse = p.let("inverse", p.divide_f32(p.broadcast_f32(127.0), peak))
                with p.loop("d", SCALED, step=4) as d:
                    whole = p.round_f32(p.multiply_f32(p.load_f32(source + d), inverse))
                    p.do(p.store_i8(kept.cast("i8"), whole))
                    for n in range(4):
                        p.do(p.store_u8(target + place(slot, c + d + n), kept.at(n)))


def _kernel(kv, algorithm, **schedules):
    return Kernel(
        operation="store",
        type=kv,
        summary=f"One row's keys and values of G heads to its slot of a KV block, as {kv}.",
        shape=("G", "D"),
        arguments={"k": "in f32", "v": "in f32", "layer": "out u8", "slot": "size"},
        algorithm=algorithm,
        schedules=schedules,
    )


store_f16 = _kernel(
    "f16",
    """
        for g < G, d < D
        keys[g, d] = half(k[g, d])
        values[g, d] = half(v[g, d])
    """,
    sse2=Schedule(sse2, _store_f16, "4 values a vector, each to its place"),
    avx512=Schedule(avx512, _store_f16_wide, "16 values a vector, keys by pairs"),
)
store_i8 = _kernel(
    "i8",
    """
        for g < G, c < D // 16, j < 16
        key_scale[g, c] = maximum(i < 16: abs(k[g, 16*c + i])) / 127
        value_scale[g, c] = maximum(i < 16: abs(v[g, 16*c + i])) / 127
        keys[g, c, j] = round(k[g, 16*c + j] / key_scale[g, c])
        values[g, c, j] = round(v[g, 16*c + j] / value_scale[g, c])
    """,
    sse2=Schedule(sse2, _store_i8, "4 values a vector, each to its place"),
)
