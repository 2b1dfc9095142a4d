"""Gates of gated linear units, as steps that other schedules include: up * g / (1 + exp(-s(g))).

SiLU has s(g) = g. GELU in its tanh form (arXiv:1606.08415) has s(g) = 2 sqrt(2/pi) (g + 0.044715 g^3),
since (1 + tanh(u)) / 2 = 1 / (1 + exp(-2u)).
"""

from math import e, log2

from specs.schedules.exponential import exponential, power_of_two, rough_power_of_two


def silu(p, gate):
    """-s(g) for a SiLU."""
    return p.subtract_f32(p.zero_f32(), gate)


def gelu(p, gate):
    """-s(g) for a GELU."""
    square = p.multiply_f32(gate, gate)
    cubic = p.add_f32(p.multiply_f32(square, p.broadcast_f32(0.044715)), p.broadcast_f32(1.0))
    return p.multiply_f32(p.multiply_f32(gate, p.broadcast_f32(-1.5957691216057308)), cubic)


def gated(p, name, activation, gate, up):
    """up, weighed by the gate; both are values. `name` keeps apart the names that this takes."""
    g = p.let(f"{name}_gate", gate)
    exponent = activation(p, g)
    if p.has("fraction_f32"):
        x = p.let(f"{name}_power", p.multiply_f32(exponent, p.broadcast_f32(log2(e))))
        weight = power_of_two(p, x, f"{name}_e")
    else:
        weight = exponential(p, p.let(f"{name}_exponent", exponent), f"{name}_e")
    share = p.divide_f32(g, p.add_f32(weight, p.broadcast_f32(1.0)))
    return p.multiply_f32(share, up)


def gated_roughly(p, activation, gate, up):
    """The same within 2^-12 of itself, in fewer instructions of wide sets: for what becomes bfloat16."""
    g = p.let("gate_value", gate)
    x = p.let("power", p.multiply_f32(activation(p, g), p.broadcast_f32(log2(e))))
    whole = p.add_f32(rough_power_of_two(p, x, "gate_e"), p.broadcast_f32(1.0))
    return p.multiply_f32(p.multiply_f32(g, up), p.reciprocal_f32(whole))
