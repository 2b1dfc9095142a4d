"""Arenas and buffers: what they hand out, their limits, and that all of it comes back."""

import ctypes
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mem.conftest import Heap


class Arena(ctypes.Structure):
    _fields_ = [
        ("chunks", ctypes.c_void_p),
        ("used", ctypes.c_size_t),
        ("limit", ctypes.c_size_t),
        ("budget", ctypes.c_void_p),
    ]


class Buffer(ctypes.Structure):
    _fields_ = [
        ("bytes", ctypes.c_void_p),
        ("count", ctypes.c_size_t),
        ("capacity", ctypes.c_size_t),
        ("limit", ctypes.c_size_t),
        ("failed", ctypes.c_bool),
        ("budget", ctypes.c_void_p),
    ]

    def content(self):
        return ctypes.string_at(self.bytes, self.count) if self.count else b""


def start_arena(heap, limit):
    arena = Arena()
    heap.lib.arena_start(ctypes.byref(arena), ctypes.c_size_t(limit))
    return arena


def start_buffer(heap, limit):
    buffer = Buffer()
    heap.lib.buffer_start(ctypes.byref(buffer), ctypes.c_size_t(limit))
    return buffer


steps = st.lists(
    st.tuples(st.sampled_from("aaar"), st.integers(0, 3000), st.integers(0, 2**16)), max_size=60
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps)
def test_arena_blocks_stay_apart(any_library, steps):
    heap = Heap(any_library, 512 * 1024)
    arena = start_arena(heap, 100_000)
    pointer = ctypes.addressof(arena)
    blocks = []  # [address, bytes]
    for seed, (action, size, pick) in enumerate(steps):
        content = random.Random(seed).randbytes(size)
        if action == "a" or not blocks:
            address = heap.arena_allocate(pointer, size)
            if address is None:
                assert arena.used + size > arena.limit
                continue
            assert address % 16 == 0
            blocks.append([address, content])
        else:
            block = blocks[-1] if pick % 2 else blocks[pick % len(blocks)]
            address = heap.arena_resize(pointer, block[0], len(block[1]), size)
            if address is None:
                continue
            kept = min(size, len(block[1]))
            assert ctypes.string_at(address, kept) == block[1][:kept]
            block[:] = [address, content]
        ctypes.memmove(address, content, size)
        for address, content in blocks:
            assert ctypes.string_at(address, len(content)) == content
        assert arena.used <= arena.limit
    heap.lib.arena_release(ctypes.byref(arena))
    assert heap.statistic_used() == 0 and heap.heap_check()


def test_newest_block_grows_in_place(heap):
    arena = start_arena(heap, 10_000)
    pointer = ctypes.addressof(arena)
    block = heap.arena_allocate(pointer, 10)
    assert heap.arena_resize(pointer, block, 10, 1500) == block
    assert arena.used == 1500
    assert heap.arena_resize(pointer, block, 1500, 20) == block
    assert arena.used == 20


def test_arena_limit(heap):
    arena = start_arena(heap, 1000)
    pointer = ctypes.addressof(arena)
    assert heap.arena_allocate(pointer, 1001) is None
    assert heap.arena_allocate(pointer, 2**64 - 1) is None
    block = heap.arena_allocate(pointer, 1000)
    assert block and heap.arena_allocate(pointer, 1) is None
    assert heap.arena_resize(pointer, block, 1000, 1001) is None


def test_arena_when_the_heap_is_exhausted(heap):
    arena = start_arena(heap, 2**40)
    pointer = ctypes.addressof(arena)
    count = 0
    while heap.arena_allocate(pointer, 10_000):
        count += 1
    assert 15 < count < 26
    heap.lib.arena_release(ctypes.byref(arena))
    assert heap.statistic_used() == 0


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(st.binary(max_size=2000), st.integers(-(2**31), 2**31 - 1)), max_size=30))
def test_buffer_holds_what_was_appended(any_library, parts):
    heap = Heap(any_library, 512 * 1024)
    buffer, model, failed = start_buffer(heap, 6_000), b"", False
    for part in parts:
        text = part if isinstance(part, bytes) else b"<%d|%s>" % (part, b"x" * 300)
        if isinstance(part, bytes):
            heap.lib.buffer_append(ctypes.byref(buffer), part, ctypes.c_size_t(len(part)))
        else:
            heap.lib.buffer_format(
                ctypes.byref(buffer), b"<%d|%s>", ctypes.c_int(part), ctypes.c_char_p(b"x" * 300)
            )
        failed = failed or len(model) + len(text) > buffer.limit  # and stays so
        if not failed:
            model += text
        assert (buffer.failed, buffer.content()) == (failed, model)
    heap.lib.buffer_release(ctypes.byref(buffer))
    assert heap.statistic_used() == 0


def test_buffer_limit(heap):
    buffer = start_buffer(heap, 10)
    heap.lib.buffer_append(ctypes.byref(buffer), b"0123456789", ctypes.c_size_t(10))
    assert buffer.content() == b"0123456789" and not buffer.failed
    heap.lib.buffer_append(ctypes.byref(buffer), b"x", ctypes.c_size_t(1))
    assert buffer.failed and buffer.content() == b"0123456789"
    heap.lib.buffer_clear(ctypes.byref(buffer))
    heap.lib.buffer_format(ctypes.byref(buffer), b"%s", ctypes.c_char_p(b"abcdefghij"))
    assert buffer.content() == b"abcdefghij" and not buffer.failed
    heap.lib.buffer_format(ctypes.byref(buffer), b"%d", ctypes.c_int(1))
    assert buffer.failed


@pytest.mark.parametrize("size", [2**64 - 1, 2**63])
def test_buffer_append_of_impossible_size(heap, size):
    buffer = start_buffer(heap, 1000)
    heap.lib.buffer_append(ctypes.byref(buffer), b"x", ctypes.c_size_t(size))
    assert buffer.failed and buffer.count == 0


class Pool(ctypes.Structure):
    _fields_ = [("left", ctypes.c_size_t)]


class Budget(ctypes.Structure):
    _fields_ = [("pool", ctypes.c_void_p), ("own", ctypes.c_size_t), ("held", ctypes.c_size_t)]


def test_budgets_have_some_of_their_own_and_share_the_rest(heap):
    pool = Pool(100_000)
    budgets = [Budget(ctypes.addressof(pool), 10_000, 0) for _ in range(2)]
    arena, buffer = start_arena(heap, 1 << 20), start_buffer(heap, 1 << 20)
    arena.budget, buffer.budget = (ctypes.addressof(budget) for budget in budgets)
    assert heap.arena_allocate(ctypes.byref(arena), 100_000)
    assert 0 < pool.left < 10_000 < budgets[0].held
    assert not heap.arena_allocate(ctypes.byref(arena), 65_000)
    data = bytes(9_000)
    heap.lib.buffer_append(ctypes.byref(buffer), data, ctypes.c_size_t(len(data)))
    assert not buffer.failed and budgets[1].held == buffer.capacity <= 10_000
    heap.lib.buffer_append(ctypes.byref(buffer), bytes(50_000), ctypes.c_size_t(50_000))
    assert buffer.failed and budgets[1].held == buffer.capacity
    heap.lib.arena_release(ctypes.byref(arena))
    assert pool.left == 100_000 and budgets[0].held == 0
    heap.lib.buffer_release(ctypes.byref(buffer))
    assert budgets[1].held == 0 and buffer.budget == ctypes.addressof(budgets[1])
