"""Options as they are written, against the octets that the RFCs show."""

from __future__ import annotations

import ctypes
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.native import library

SHIM = """
#include "protocols/tcp.h"
#include "protocols/dhcp.h"
size_t mss(uint8_t *at, uint16_t v) { return tcp_put_option_mss(at, v); }
size_t scale(uint8_t *at, uint8_t v) { return tcp_put_option_window_scale(at, v); }
size_t permitted(uint8_t *at) { return tcp_put_option_sack_permitted(at); }
size_t nop(uint8_t *at) { return tcp_put_option_nop(at); }
size_t stamps(uint8_t *at, uint32_t a, uint32_t b) { return tcp_put_option_timestamps(at, a, b); }
size_t sack(uint8_t *at, size_t n, const uint32_t *edges) {
    size_t size = tcp_put_option_sack(at, n);
    for (size_t i = 0; i < n; i++) tcp_set_option_sack(at, i, edges[2 * i], edges[2 * i + 1]);
    return size;
}
size_t type(uint8_t *at, uint8_t v) { return dhcp_put_option_message_type(at, v); }
size_t address(uint8_t *at, uint32_t v) { return dhcp_put_option_requested_address(at, v); }
size_t host(uint8_t *at, const void *name, size_t n) { return dhcp_put_option_host_name(at, name, n); }
size_t end(uint8_t *at) { return dhcp_put_option_end(at); }
"""


@pytest.fixture(scope="module")
def lib(tmp_path_factory):
    folder = tmp_path_factory.mktemp("options")
    (folder / "options.c").write_text(SHIM)
    return library(folder, [str(folder / "options.c")])


def written(lib, name: str, *values) -> bytes:
    """What a writer wrote; octets beyond what it says it wrote must be as they were."""
    memory = ctypes.create_string_buffer(b"\xa5" * 300, 300)
    function = getattr(lib, name)
    function.restype = ctypes.c_size_t
    size = function(memory, *values)
    assert memory.raw[size:] == (b"\xa5" * 300)[size:300]
    return memory.raw[:size]


word = st.integers(0, 2**32 - 1)


@given(st.integers(0, 65535), st.integers(0, 255), word, word)
def test_tcp(lib, short, byte, first, second):
    assert written(lib, "mss", ctypes.c_uint16(short)) == struct.pack("!BBH", 2, 4, short)
    assert written(lib, "scale", ctypes.c_uint8(byte)) == bytes([3, 3, byte])
    assert written(lib, "permitted") == b"\x04\x02"
    assert written(lib, "nop") == b"\x01"
    wanted = struct.pack("!BBII", 8, 10, first, second)
    assert written(lib, "stamps", ctypes.c_uint32(first), ctypes.c_uint32(second)) == wanted


@given(st.lists(st.tuples(word, word), max_size=4))
def test_tcp_sack(lib, blocks):
    edges = [edge for block in blocks for edge in block]
    array = (ctypes.c_uint32 * max(1, len(edges)))(*edges)
    wanted = struct.pack(f"!BB{len(edges)}I", 5, 2 + 8 * len(blocks), *edges)
    assert written(lib, "sack", ctypes.c_size_t(len(blocks)), array) == wanted


@given(st.integers(0, 255), word, st.binary(max_size=255))
def test_dhcp(lib, byte, address, name):
    assert written(lib, "type", ctypes.c_uint8(byte)) == bytes([53, 1, byte])
    assert written(lib, "address", ctypes.c_uint32(address)) == struct.pack("!BBI", 50, 4, address)
    assert written(lib, "host", name, ctypes.c_size_t(len(name))) == bytes([12, len(name)]) + name
    assert written(lib, "end") == b"\xff"
