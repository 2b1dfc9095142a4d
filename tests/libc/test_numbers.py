"""strtol's family and strtod against the host's; character classes too."""

import ctypes
import math
import struct
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

HOST = ctypes.CDLL(None)
INTEGERS = {
    "strtol": ctypes.c_long,
    "strtoul": ctypes.c_ulong,
    "strtoll": ctypes.c_longlong,
    "strtoull": ctypes.c_ulonglong,
}


def read(function, type_, text, *more):
    function.restype = type_
    buffer = ctypes.create_string_buffer(text)
    end = ctypes.c_char_p()
    value = function(buffer, ctypes.byref(end), *more)
    return value, len(text) - len(end.value)


digits = st.text("0123456789abcdefxXzZ", max_size=24)
integer_texts = st.tuples(st.text(" \t\n\v", max_size=2), st.sampled_from(["", "-", "+", "--"]),
                          st.sampled_from(["", "0", "0x", "0X"]), digits).map("".join)  # fmt: skip


@settings(max_examples=800, deadline=None)
@given(st.sampled_from(sorted(INTEGERS)), integer_texts, st.sampled_from([0, 2, 8, 10, 16, 36]))
@example("strtol", "9223372036854775807", 10)
@example("strtol", "9223372036854775808", 10)
@example("strtol", "-9223372036854775808", 10)
@example("strtol", "-9223372036854775809", 10)
@example("strtoul", "18446744073709551615", 10)
@example("strtoul", "18446744073709551616", 10)
@example("strtoul", "-1", 10)
@example("strtoul", "-18446744073709551616", 10)
@example("strtol", "0x", 16)
@example("strtol", "0xg", 0)
@example("strtol", "", 10)
@example("strtol", "-", 10)
def test_integers(subset, name, text, base):
    type_ = INTEGERS[name]
    ours = read(getattr(subset, f"kernel_{name}"), type_, text.encode(), ctypes.c_int(base))
    assert ours == read(getattr(HOST, name), type_, text.encode(), ctypes.c_int(base))


def bits(value):
    return "nan" if math.isnan(value) else struct.pack("<d", value)


def same_real(subset, text):
    ours, our_end = read(subset.kernel_strtod, ctypes.c_double, text.encode())
    host, host_end = read(HOST.strtod, ctypes.c_double, text.encode())
    assert (bits(ours), our_end) == (bits(host), host_end), (text, ours, host)


real_texts = st.tuples(
    st.sampled_from(["", " ", "-", "+"]),
    st.text("0123456789", max_size=25),
    st.sampled_from(["", "."]),
    st.text("0123456789", max_size=25),
    st.sampled_from(["", "e", "E+", "e-", "e+-"]),
    st.text("0123456789", max_size=3),
    st.sampled_from(["", "x", ".5"]),
).map("".join)


@settings(max_examples=1000, deadline=None)
@given(real_texts)
def test_reals(subset, text):
    same_real(subset, text)


@settings(max_examples=600, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_reals_written_by_python(subset, value):
    same_real(subset, repr(value))
    same_real(subset, f"{value:.3e}")
    same_real(subset, f"{value:.25e}")


@settings(max_examples=400, deadline=None)
@given(
    st.floats(min_value=5e-324, max_value=1e308), st.sampled_from(["", "0", "1", "0" * 760 + "1"])
)
def test_halves_between_reals(subset, value, tail):
    """The exact middle of two neighbours, and a hair above it, to the last digit."""
    from decimal import Context, Decimal

    exact = Context(prec=2000)
    middle = exact.divide(
        exact.add(Decimal(value), Decimal(math.nextafter(value, math.inf))), Decimal(2)
    )
    text = f"{middle:f}"
    same_real(subset, text + ("" if "." in text else ".") + tail)


@pytest.mark.parametrize(
    "text",
    ["", ".", "e5", "-", "1e", "1e+", "0e999999999", "1e999999999", "1e-999999999", "1e400", "-1e-400",
     "inf", "-Infinity", "infinit", "nan", "nano", "i", "4.9e-324", "2.4703282292062327e-324",
     "2.4703282292062328e-324", "1.7976931348623158e308", "1.7976931348623159e308",
     "2.2250738585072011e-308", "9007199254740993", "0." + "0" * 400 + "1", "1" + "0" * 400,
     "9" * 800 + "e-800", "1." + "0" * 900 + "1", "00000000000000000000001.5"],
)  # fmt: skip
def test_chosen_reals(subset, text):
    same_real(subset, text)


CLASSES = "alnum alpha cntrl digit graph lower print punct space upper xdigit".split()


def test_character_classes(subset):
    for character in range(-1, 128):
        for name in CLASSES:
            ours = getattr(subset, f"kernel_is{name}")(character)
            assert bool(ours) == bool(getattr(HOST, f"is{name}")(character)), (name, character)
        assert subset.kernel_tolower(character) == HOST.tolower(character)
        assert subset.kernel_toupper(character) == HOST.toupper(character)
    for character in range(128, 256):
        assert not any(getattr(subset, f"kernel_is{name}")(character) for name in CLASSES)


def numbers_near_powers():
    """Words around every power of two, and some in between."""
    edges = {(2**n + d) % 2**64 for n in range(64) for d in (-1, 0, 1)}
    edges |= {(2**64 - 2**n) % 2**64 for n in range(0, 64, 5)}
    random = Random(7)
    return sorted(edges | {random.getrandbits(random.randint(1, 64)) for _ in range(60)})


def test_division(subset):
    words = numbers_near_powers()
    divide, remainder, both = (
        getattr(subset, f"kernel___{name}") for name in ("udivdi3", "umoddi3", "udivmoddi4")
    )
    for function in (divide, remainder, both):
        function.restype = ctypes.c_uint64
    rest = ctypes.c_uint64()
    for a in words:
        dividend = ctypes.c_uint64(a)
        for b in filter(None, words):
            divisor = ctypes.c_uint64(b)
            assert both(dividend, divisor, ctypes.byref(rest)) == a // b, (a, b)
            assert rest.value == a % b, (a, b)
        assert (divide(dividend, divisor), remainder(dividend, divisor)) == divmod(a, b)


def test_signed_division(subset):
    words = [ctypes.c_int64(word).value for word in numbers_near_powers()[::2]]
    divide, remainder, both = (
        getattr(subset, f"kernel___{name}") for name in ("divdi3", "moddi3", "divmoddi4")
    )
    for function in (divide, remainder, both):
        function.restype = ctypes.c_int64
    rest = ctypes.c_int64()
    for a in words:
        dividend = ctypes.c_int64(a)
        for b in filter(None, words):
            if (a, b) == (-(2**63), -1):
                continue  # overflow, undefined in C
            quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)  # C truncates
            divisor = ctypes.c_int64(b)
            assert both(dividend, divisor, ctypes.byref(rest)) == quotient, (a, b)
            assert rest.value == a - quotient * b, (a, b)
            assert divide(dividend, divisor) == quotient
            assert remainder(dividend, divisor) == rest.value
