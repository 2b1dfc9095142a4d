"""exp(x) for vectors of floats, as steps that other schedules include.

x = n ln 2 + t with |t| <= ln(2) / 2; e^t by its Taylor series to t^7 (next term below 6e-9), 2^n by
its exponent bits. x is held to [-87, 88], where 2^n is a normal number.
"""

_TAYLOR = (1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1.0, 1.0)


def exponential(p, x, name):
    """A named value exp(x); x must be a named value."""
    held = p.let(
        f"{name}_x", p.maximum_f32(p.minimum_f32(x, p.broadcast_f32(88.0)), p.broadcast_f32(-87.0))
    )
    n = p.let(f"{name}_n", p.round_f32(p.multiply_f32(held, p.broadcast_f32(1.4426950408889634))))
    whole = p.let(f"{name}_whole", p.to_f32(n))
    # ln 2 in two parts: the first has few bits, so that its product with n is exact.
    p.set(held, p.subtract_f32(held, p.multiply_f32(whole, p.broadcast_f32(0.693359375))))
    p.set(held, p.subtract_f32(held, p.multiply_f32(whole, p.broadcast_f32(-2.12194440e-4))))
    series = p.let(f"{name}_series", p.broadcast_f32(_TAYLOR[0]))
    for term in _TAYLOR[1:]:
        p.set(series, p.add_f32(p.multiply_f32(series, held), p.broadcast_f32(term)))
    power = p.as_f32(p.shift_left_u32(p.add_i32(n, p.broadcast_i32(127)), 23))
    return p.let(name, p.multiply_f32(series, power))


_POWERS = (
    0.0018775766752121635,
    0.008989340090443089,
    0.05582631805334038,
    0.24015361704435992,
    0.6931530732001707,
    0.9999999250635262,
)


def power_of_two(p, x, name):
    """A named value 2^x within 1.5e-7 of itself, for sets that split off a fraction: a polynomial over
    the fraction, fitted to its relative error, moved by the whole part. x must be a named value."""
    fraction = p.let(f"{name}_fraction", p.fraction_f32(x))
    series = p.broadcast_f32(_POWERS[0])
    for term in _POWERS[1:]:
        series = p.multiply_add_f32(series, fraction, p.broadcast_f32(term))
    return p.let(name, p.scale_f32(series, x))


def rough_power_of_two(p, x, name):
    """The same within 8e-5 of itself, by a cubic."""
    f = p.let(f"{name}_fraction", p.fraction_f32(x))
    series = p.broadcast_f32(0.0780244584275799)
    for term in (0.2260672468235374, 0.695833509110524, 0.9999252200385551):
        series = p.multiply_add_f32(series, f, p.broadcast_f32(term))
    return p.let(name, p.scale_f32(series, x))
