"""snprintf against the host's, conversion by conversion."""

import ctypes
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HOST = ctypes.CDLL(None)
SIZES = {"hh": 8, "h": 16, "": 32, "l": 64, "ll": 64, "j": 64, "z": 64, "t": 64}


def formatted(function, format_, *arguments, size=2048):
    """What the function returned and wrote into a buffer of 0xa5."""
    buffer = ctypes.create_string_buffer(b"\xa5" * 2048, 2048)
    count = function(buffer, ctypes.c_size_t(size), format_.encode(), *arguments)
    return count, buffer.raw


def same(subset, format_, *arguments, size=2048):
    ours = formatted(subset.kernel_snprintf, format_, *arguments, size=size)
    host = formatted(HOST.snprintf, format_, *arguments, size=size)
    assert ours == host, (format_, ours[1][:80], host[1][:80])


flags = st.text("-+ #0", max_size=4)
widths = st.one_of(st.just(""), st.integers(0, 40).map(str))
precisions = st.one_of(st.just(""), st.just("."), st.integers(0, 30).map(lambda n: f".{n}"))
wild = st.integers(-(2**63), 2**64 - 1)
edges = st.sampled_from([0, 1, -1, 127, 128, -128, 255, 2**31 - 1, 2**31, 2**63 - 1, -(2**63)])


@settings(max_examples=800, deadline=None)
@given(
    flags,
    widths,
    precisions,
    st.sampled_from(sorted(SIZES)),
    st.sampled_from("diuoxX"),
    wild | edges,
)
def test_integers(subset, flag, width, precision, length, letter, value):
    argument = ctypes.c_uint64(value) if SIZES[length] == 64 else ctypes.c_uint32(value)
    same(subset, f"<%{flag}{width}{precision}{length}{letter}>", argument)


doubles = st.one_of(
    st.floats(),
    st.floats(-1e6, 1e6),
    st.integers(-(10**18), 10**18).map(float),
    st.integers(-4000, 4000).map(lambda n: n / 8),  # ties
    st.sampled_from([0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.5, 9.5,
                     99.5, 999999.5, 9999995.0, 0.0001, 0.00009999995, math.nan, math.inf, -math.inf]),
)  # fmt: skip


finite = doubles.filter(math.isfinite)


@settings(max_examples=1200, deadline=None)
@given(flags, widths, precisions, st.sampled_from("fFeEgG"), doubles)
def test_reals(subset, flag, width, precision, letter, value):
    if math.isnan(value):
        value = math.nan  # the sign of a nan is nobody's promise
    if letter in "gG":
        flag = flag.replace("#", "")  # glibc drops zeros that it must keep; see below
    same(subset, f"<%{flag}{width}{precision}{letter}>", ctypes.c_double(value))


@settings(max_examples=400, deadline=None)
@given(st.text("-+ 0", max_size=3), st.integers(0, 30), st.integers(0, 20), finite)
def test_shortest_with_all_zeros(subset, flag, width, precision, value):
    """%#g keeps trailing zeros; Python does as the standard says."""
    if "-" in flag:
        flag = flag.replace("0", "")
    format_ = f"%#{flag}{width}.{precision}g"
    count, text = formatted(subset.kernel_snprintf, format_, ctypes.c_double(value))
    assert text[:count].decode() == format_ % value


@pytest.mark.parametrize("precision", [0, 1, 17, 300, 1100])
@pytest.mark.parametrize("value", [5e-324, 1.7976931348623157e308, 0.1, 2.0**-1000, 3e-310])
@pytest.mark.parametrize("letter", "feg")
def test_every_digit_of_extreme_reals(subset, letter, value, precision):
    same(subset, f"%.{precision}{letter}", ctypes.c_double(value))


@settings(max_examples=300, deadline=None)
@given(st.text("-", max_size=1), widths, precisions, st.binary(max_size=30))
def test_strings(subset, flag, width, precision, value):
    same(subset, f"<%{flag}{width}{precision}s>", ctypes.c_char_p(value.replace(b"\0", b"")))


def test_string_without_terminator(subset):
    """With a precision, bytes behind it are not looked at."""
    same(subset, "%.3s", ctypes.c_char_p(b"abcdef"))
    same(subset, "%.*s", ctypes.c_int(2), ctypes.c_char_p(b"abcdef"))


@pytest.mark.parametrize("width", ["", "1", "20", "-20"])
@pytest.mark.parametrize("value", [None, 1, 0xDEADBEEF, 2**47])
def test_pointers(subset, width, value):
    same(subset, f"<%{width}p>", ctypes.c_void_p(value))


def test_null_string(subset):
    same(subset, "<%s> <%10s> <%.3s>", *[ctypes.c_char_p(None)] * 3)


@settings(max_examples=300, deadline=None)
@given(st.integers(-50, 50), st.integers(-5, 30), st.integers(-(2**31), 2**31 - 1))
def test_widths_from_arguments(subset, width, precision, value):
    same(subset, "<%*.*d>", *map(ctypes.c_int, (width, precision, value)))
    same(subset, "<%*d|%-*d>", *map(ctypes.c_int, (width, value, width, value)))


def test_characters_and_percent(subset):
    same(subset, "<%c|%5c|%-5c|%%>", *[ctypes.c_int(c) for c in b"abc"])


@pytest.mark.parametrize("size", range(20))
def test_what_does_not_fit_is_cut(subset, size):
    """The result counts everything; the zero is written; nothing behind it changes."""
    same(subset, "abc %d def %s", ctypes.c_int(-12345), ctypes.c_char_p(b"xyz"), size=size)
    same(subset, "%.9f", ctypes.c_double(1234.5), size=size)


def test_many_arguments(subset):
    """More integers and reals than registers hold."""
    arguments = [ctypes.c_int(i) if i % 2 else ctypes.c_double(i / 3) for i in range(24)]
    format_ = " ".join("%d" if i % 2 else "%.3f" for i in range(24))
    same(subset, format_, *arguments)
