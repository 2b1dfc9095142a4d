"""Random numbers: ChaCha20 by the vectors of its RFC, and the generator over it by its promises."""

from __future__ import annotations

import ctypes

import pytest

from tests.native import library

BLOCKS, KEY = 4, 32
SIZE = BLOCKS * 64


class Generator(ctypes.Structure):
    _fields_ = [("stream", ctypes.c_uint8 * SIZE), ("left", ctypes.c_size_t)]


@pytest.fixture(scope="module")
def lib(tmp_path_factory):
    sources = ["kernel_static/lib/chacha20.c", "kernel_static/lib/generator.c"]
    return library(tmp_path_factory.mktemp("generator"), sources)


def block(lib, key: bytes, counter: int = 0, nonce: bytes = bytes(12)) -> bytes:
    out = ctypes.create_string_buffer(64)
    lib.chacha20_block(key, ctypes.c_uint32(counter), nonce, out)
    return out.raw


RISING = bytes(range(32))
VECTORS = {  # RFC 8439
    "2.3.2": (
        RISING,
        1,
        bytes.fromhex("000000090000004a00000000"),
        """10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e
           d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e""",
    ),
    "A.1, 1": (
        bytes(32),
        0,
        bytes(12),
        """76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7
           da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586""",
    ),
    "A.1, 2": (
        bytes(32),
        1,
        bytes(12),
        """9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed
           29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f""",
    ),
    "A.1, 3": (
        bytes(31) + b"\1",
        1,
        bytes(12),
        """3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a
           8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0""",
    ),
    "A.1, 4": (
        b"\0\xff" + bytes(30),
        2,
        bytes(12),
        """72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca
           13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096""",
    ),
    "A.1, 5": (
        bytes(32),
        0,
        bytes(11) + b"\2",
        """c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7
           8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d""",
    ),
}


@pytest.mark.parametrize("vector", VECTORS)
def test_blocks_of_the_rfc(lib, vector):
    key, counter, nonce, expected = VECTORS[vector]
    assert block(lib, key, counter, nonce) == bytes.fromhex(expected)


def test_a_block_may_replace_its_key(lib):
    place = ctypes.create_string_buffer(RISING, 64)
    lib.chacha20_block(place, ctypes.c_uint32(7), bytes(12), place)
    assert place.raw == block(lib, RISING, 7)


def seeded(lib, *seeds: bytes) -> Generator:
    generator = Generator()
    for seed in seeds:
        lib.generator_seed(ctypes.byref(generator), seed)
    return generator


def fill(lib, generator: Generator, count: int) -> bytes:
    out = ctypes.create_string_buffer(count)
    lib.generator_fill(ctypes.byref(generator), out, ctypes.c_size_t(count))
    return out.raw


def stretched(lib, key: bytes) -> tuple[bytes, bytes]:
    """The next key, and what is handed out before it is needed."""
    stream = b"".join(block(lib, key, number) for number in range(BLOCKS))
    return stream[:KEY], stream[KEY:]


def added(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other))


def test_it_is_the_published_construction(lib):
    key = added(stretched(lib, bytes(KEY))[0], RISING)
    expected = b""
    for _ in range(4):
        key, out = stretched(lib, key)
        expected += out
    assert fill(lib, seeded(lib, RISING), len(expected)) == expected


@pytest.mark.parametrize("pieces", [[1] * 500, [7, 0, 64, 300, 1, 128]])
def test_pieces_make_no_difference(lib, pieces):
    generator = seeded(lib, RISING)
    whole = fill(lib, seeded(lib, RISING), sum(pieces))
    assert b"".join(fill(lib, generator, piece) for piece in pieces) == whole


def test_what_was_handed_out_is_erased_and_so_are_keys(lib):
    generator = seeded(lib, RISING)
    keys = [bytes(generator.stream)[:KEY]]
    for _ in range(12):
        given = fill(lib, generator, 50)
        state = bytes(generator.stream)
        assert given[:8] not in state and given[-8:] not in state
        assert state[KEY : SIZE - generator.left] == bytes(SIZE - generator.left - KEY)
        if state[:KEY] != keys[-1]:
            assert not any(key in state for key in keys)
            keys.append(state[:KEY])
    assert len(keys) == 4, "one for every 224 octets, and the first"


def test_a_seed_counts_at_once_and_adds_up(lib):
    one, two = seeded(lib, RISING), seeded(lib, RISING)
    assert fill(lib, one, 10) == fill(lib, two, 10)
    lib.generator_seed(ctypes.byref(two), bytes(KEY))
    assert two.left == 0
    assert fill(lib, one, 10) != fill(lib, two, 10), "even a bad one: it takes another key"
    other = b"\1" * KEY
    orders = [(RISING, other), (other, RISING), (RISING,), (other,), (RISING, other, bytes(KEY))]
    assert len({fill(lib, seeded(lib, *order), 32) for order in orders}) == len(orders)
