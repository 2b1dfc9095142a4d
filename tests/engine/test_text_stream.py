"""Stop strings and UTF-8 assembly, fed in pieces of every size."""

import ctypes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.native import HEAP, SUPPORT, library, with_heap


class Text(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_char_p), ("count", ctypes.c_size_t)]


class Buffer(ctypes.Structure):
    _fields_ = [
        ("bytes", ctypes.c_void_p),
        ("count", ctypes.c_size_t),
        ("capacity", ctypes.c_size_t),
        ("limit", ctypes.c_size_t),
        ("failed", ctypes.c_bool),
        ("budget", ctypes.c_void_p),
    ]


class Stream(ctypes.Structure):
    _fields_ = [
        ("stops", ctypes.c_void_p),
        ("stop_count", ctypes.c_size_t),
        ("pending", Buffer),
        ("stopped", ctypes.c_bool),
        ("stop", ctypes.c_size_t),
        ("failed", ctypes.c_bool),
    ]


@pytest.fixture(scope="session")
def lib(tmp_path_factory):
    loaded = library(
        tmp_path_factory.mktemp("text"),
        [
            "kernel_static/engine/text_stream.c",
            "kernel_static/lib/buffer.c",
            "kernel_static/lib/utf8.c",
            *HEAP,
            *SUPPORT,
        ],
    )
    loaded.text_stream_push.restype = ctypes.c_bool
    loaded.text_stream_push.argtypes = [ctypes.POINTER(Stream), Text, ctypes.POINTER(Buffer)]
    return with_heap(loaded)


def run(lib, pieces, stops):
    """The shown text after each piece, whether it stopped, and the text at the end."""
    array = (Text * max(1, len(stops)))(*[Text(stop, len(stop)) for stop in stops])
    stream, ready = Stream(), Buffer()
    lib.buffer_start(ctypes.byref(ready), ctypes.c_size_t(1 << 20))
    lib.text_stream_start(ctypes.byref(stream), array, ctypes.c_size_t(len(stops)))
    shown = []
    for piece in pieces:
        more = lib.text_stream_push(
            ctypes.byref(stream), Text(piece, len(piece)), ctypes.byref(ready)
        )
        shown.append(ctypes.string_at(ready.bytes, ready.count) if ready.count else b"")
        if not more:
            break
    lib.text_stream_flush(ctypes.byref(stream), ctypes.byref(ready))
    final = ctypes.string_at(ready.bytes, ready.count) if ready.count else b""
    stopped = bool(stream.stopped)
    lib.text_stream_release(ctypes.byref(stream))
    lib.buffer_release(ctypes.byref(ready))
    return shown, stopped, final


def cut(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40), st.integers(1, 5))
def test_whole_characters_only_and_nothing_lost(lib, text, size):
    data = text.encode()
    shown, stopped, final = run(lib, cut(data, size), [])
    assert final == data and not stopped
    for part in shown:
        part.decode()  # raises if a character was split


@settings(max_examples=500, deadline=None)
@given(
    st.text("abcé", max_size=30),
    st.lists(st.text("abcé", min_size=1, max_size=4), max_size=4),
    st.integers(1, 4),
)
def test_text_ends_before_the_earliest_stop(lib, text, stops, size):
    data, marks = text.encode(), [stop.encode() for stop in stops]
    shown, stopped, final = run(lib, cut(data, size), marks)
    # The text ends at the first stop that becomes complete, wherever pieces were cut.
    for end in range(1, len(data) + 1):
        seen = data[: min(-(-end // size) * size, len(data))]
        found = [seen.find(mark) for mark in marks if mark in seen]
        if found:
            assert stopped and final == data[: min(found)]
            break
    else:
        assert not stopped and final == data
    assert all(final.startswith(part) for part in shown)


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"a\xffb", "a\ufffdb"),
        (b"\xc0\x80", "\ufffd\ufffd"),
        (b"\xed\xa0\x80", "\ufffd" * 3),
        (b"\xf0\x9f\x98", "\ufffd"),
        (b"\xe4\xb8", "\ufffd"),
        (b"\x80", "\ufffd"),
        (b"x\xe4\xb8y", "x\ufffd\ufffdy"),
    ],
)
def test_malformed_bytes_become_replacement_characters(lib, data, expected):
    for size in (1, 2, len(data)):
        assert run(lib, cut(data, size), [])[2].decode() == expected
