"""Memory and string functions against the host's, in buffers that end at an unreadable page."""

import ctypes
import mmap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HOST = ctypes.CDLL(None)
PAGE = mmap.PAGESIZE
NO_ACCESS = 0


class Guarded:
    """Pages whose last byte is followed by a page that must not be touched."""

    def __init__(self, size=4 * PAGE):
        HOST.mmap.restype = ctypes.c_void_p
        self.size = size
        length = ctypes.c_size_t(size + PAGE)
        anonymous = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        rights = mmap.PROT_READ | mmap.PROT_WRITE
        self.start = HOST.mmap(None, length, rights, anonymous, -1, ctypes.c_long(0))
        end = ctypes.c_void_p(self.start + size)
        assert HOST.mprotect(end, ctypes.c_size_t(PAGE), NO_ACCESS) == 0

    def put(self, data):
        """Address of the data, flush against the end."""
        address = self.start + self.size - len(data)
        ctypes.memmove(address, data, len(data))
        return address


@pytest.fixture(scope="module")
def left():
    return Guarded()


@pytest.fixture(scope="module")
def right():
    return Guarded()


sizes = st.one_of(st.integers(0, 200), st.integers(0, 5000))


@settings(max_examples=400, deadline=None)
@given(sizes, st.integers(0, 17), st.integers(0, 17), st.randoms(use_true_random=False))
def test_memcpy(subset, left, right, size, before, behind, random):
    data = random.randbytes(size)
    source = right.put(data)
    target = left.put(b"\xa5" * (before + size + behind))
    subset.kernel_memcpy.restype = ctypes.c_void_p
    at = ctypes.c_void_p(target + before)
    assert subset.kernel_memcpy(at, ctypes.c_void_p(source), ctypes.c_size_t(size)) == at.value
    result = ctypes.string_at(target, before + size + behind)
    assert result == b"\xa5" * before + data + b"\xa5" * behind


@settings(max_examples=400, deadline=None)
@given(sizes, st.integers(-300, 300), st.randoms(use_true_random=False))
def test_memmove(subset, left, size, distance, random):
    model = bytearray(random.randbytes(size + abs(distance)))
    base = left.put(bytes(model))
    source, target = max(0, -distance), max(0, distance)
    model[target : target + size] = model[source : source + size]
    subset.kernel_memmove.restype = ctypes.c_void_p
    subset.kernel_memmove(
        ctypes.c_void_p(base + target), ctypes.c_void_p(base + source), ctypes.c_size_t(size)
    )
    assert ctypes.string_at(base, len(model)) == bytes(model)


@settings(max_examples=400, deadline=None)
@given(sizes, st.integers(0, 17), st.integers(-256, 511))
def test_memset(subset, left, size, behind, byte):
    target = left.put(b"\xa5" * (size + behind))
    subset.kernel_memset(ctypes.c_void_p(target), byte, ctypes.c_size_t(size))
    assert ctypes.string_at(target, size + behind) == bytes([byte & 255]) * size + b"\xa5" * behind


def sign(number):
    return (number > 0) - (number < 0)


@settings(max_examples=500, deadline=None)
@given(
    st.integers(0, 90),
    st.lists(st.tuples(st.integers(0, 89), st.binary(min_size=1, max_size=1)), max_size=2),
)
def test_memcmp(subset, left, right, size, changes):
    data = bytearray(b"\x80" * size)
    for place, byte in changes:
        if place < size:
            data[place] = byte[0]
    a, b = left.put(b"\x80" * size), right.put(bytes(data))
    ours = subset.kernel_memcmp(ctypes.c_void_p(a), ctypes.c_void_p(b), ctypes.c_size_t(size))
    assert sign(ours) == sign((b"\x80" * size > data) - (b"\x80" * size < data))


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=90), st.integers(-1, 256))
def test_memchr(subset, left, data, byte):
    start = left.put(data)
    subset.kernel_memchr.restype = ctypes.c_void_p
    found = subset.kernel_memchr(ctypes.c_void_p(start), byte, ctypes.c_size_t(len(data)))
    place = data.find(bytes([byte & 255]))
    assert found == (None if place < 0 else start + place)


strings = st.text("ab\x80\xff", max_size=20).map(lambda text: text.encode("latin-1"))


@settings(max_examples=400, deadline=None)
@given(strings, strings, st.integers(0, 24))
def test_strings(subset, left, right, one, other, most):
    a, b = ctypes.c_void_p(left.put(one + b"\0")), ctypes.c_void_p(right.put(other + b"\0"))
    limit, letter = ctypes.c_size_t(most), ctypes.c_int(ord("b"))
    for name, arguments, type_ in [
        ("strlen", (a,), ctypes.c_size_t),
        ("strnlen", (a, limit), ctypes.c_size_t),
        ("strchr", (a, letter), ctypes.c_void_p),
        ("strchr", (a, ctypes.c_int(0)), ctypes.c_void_p),
        ("strrchr", (a, letter), ctypes.c_void_p),
        ("strrchr", (a, ctypes.c_int(0)), ctypes.c_void_p),
        ("strstr", (a, b), ctypes.c_void_p),
        ("strspn", (a, b), ctypes.c_size_t),
        ("strcspn", (a, b), ctypes.c_size_t),
    ]:
        ours, host = getattr(subset, f"kernel_{name}"), getattr(HOST, name)
        ours.restype = host.restype = type_
        assert ours(*arguments) == host(*arguments), name
    assert sign(subset.kernel_strcmp(a, b)) == sign((one > other) - (one < other))
    shorter = one[:most], other[:most]
    assert sign(subset.kernel_strncmp(a, b, limit)) == sign(
        (shorter[0] > shorter[1]) - (shorter[0] < shorter[1])
    )


def test_unterminated_within_the_limit(subset, left):
    """The bounded functions do not look behind the bound."""
    address = ctypes.c_void_p(left.put(b"abc"))
    subset.kernel_strnlen.restype = ctypes.c_size_t
    assert subset.kernel_strnlen(address, ctypes.c_size_t(3)) == 3
    assert subset.kernel_strncmp(address, b"abcd", ctypes.c_size_t(3)) == 0
