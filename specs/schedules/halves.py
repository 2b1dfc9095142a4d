"""Halves (f16) to floats where a set has no instruction for it.

The 15 bits of a half's magnitude, moved up by 13, are a float's whose exponent is 112 too small.
Subnormal halves become subnormal floats, which the product makes normal.
"""

_SCALE = 2.0**112
_SIGN_AND_MAGNITUDE = -0x70002000  # bits 31 and 27 to 13


def load_halves(p, place):
    """As many floats as a vector holds from the halves at a place."""
    if p.has("load_f16"):
        return p.load_f16(place.cast("u16"))
    return _from_high(p, p.interleave_i16(p.zero_i32(), p.load_low_i8(place.cast("i8"))))


def broadcast_half(p, half):
    """One u16 of memory as a float in every lane."""
    return _from_high(p, p.shift_left_u32(p.broadcast_i32(half), 16))


def _from_high(p, bits):
    """Floats from halves in the high half of each lane; the shift keeps the sign."""
    moved = p.and_i32(p.shift_right_i32(bits, 3), p.broadcast_i32(_SIGN_AND_MAGNITUDE))
    return p.multiply_f32(p.as_f32(moved), p.broadcast_f32(_SCALE))
