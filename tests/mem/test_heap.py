"""The heap against a model of who owns which bytes."""

import ctypes
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mem.conftest import Heap

sizes = st.one_of(st.integers(0, 300), st.integers(0, 40000))
steps = st.lists(
    st.tuples(st.sampled_from("aaaAr-"), sizes, st.integers(0, 12), st.integers(0, 2**16)),
    max_size=80,
)


def fill(address, size, seed):
    ctypes.memmove(address, random.Random(seed).randbytes(size), size)


def holds(address, size, seed):
    return ctypes.string_at(address, size) == random.Random(seed).randbytes(size)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps)
def test_blocks_never_overlap_or_change(any_library, steps):
    heap = Heap(any_library, 128 * 1024)
    owned = {}  # address: (size, seed)
    for seed, (action, size, power, pick) in enumerate(steps):
        if action in "aA":
            alignment = 1 << power if action == "A" else 16
            address = heap.heap_allocate_aligned(size, alignment)
            if address is None:
                continue
            assert address % max(alignment, 16) == 0
            assert heap.address <= address and address + size <= heap.address + heap.size
            for other, (count, _) in owned.items():
                assert address + max(size, 1) <= other or other + max(count, 1) <= address
            fill(address, size, seed)
            owned[address] = (size, seed)
        elif owned:
            address = sorted(owned)[pick % len(owned)]
            count, old_seed = owned.pop(address)
            assert holds(address, count, old_seed)
            if action == "-":
                heap.heap_release(address)
            else:
                moved = heap.heap_resize(address, size)
                if moved is None:
                    owned[address] = (count, old_seed)
                    assert holds(address, count, old_seed)
                else:
                    assert (
                        ctypes.string_at(moved, min(count, size))
                        == random.Random(old_seed).randbytes(count)[:size]
                    )
                    fill(moved, size, seed)
                    owned[moved] = (size, seed)
        assert heap.heap_check()
        assert heap.statistic_balance() == len(owned)
    for address, (size, seed) in owned.items():
        assert holds(address, size, seed)
        heap.heap_release(address)
    assert heap.heap_check()
    assert heap.statistic_used() == 0
    whole = heap.statistic_total() - 64 - (heap.statistic_total() // 16)
    assert heap.heap_allocate(whole), "the heap did not grow together again"


def test_statistics(heap):
    assert heap.statistic_used() == 0
    assert heap.size - 64 <= heap.statistic_total() <= heap.size
    block = heap.heap_allocate(1000)
    used = heap.statistic_used()
    assert 1016 <= used <= 1100
    heap.heap_release(block)
    assert (heap.statistic_used(), heap.statistic_peak()) == (0, used)
    assert heap.heap_allocate(heap.size) is None
    assert heap.statistic_failures() == 1


@pytest.mark.parametrize("size", [2**63, 2**64 - 1, 2**64 - 16, 2**39, 2**38])
def test_impossible_sizes(heap, size):
    assert heap.heap_allocate(size) is None
    assert heap.heap_allocate_aligned(size, 4096) is None
    block = heap.heap_allocate(10)
    assert heap.heap_resize(block, size) is None
    assert heap.heap_check()
    heap.heap_release(block)


def test_size_zero_is_unique(heap):
    blocks = [heap.heap_allocate(0) for _ in range(10)]
    assert None not in blocks and len(set(blocks)) == 10


def test_release_of_null(heap):
    assert heap.try_release(None) == b""


def test_resize_of_null_allocates(heap):
    assert heap.heap_resize(None, 10) is not None


def test_resize_grows_in_place_when_it_can(heap):
    block = heap.heap_allocate(100)
    assert heap.heap_resize(block, 10000) == block
    assert heap.heap_resize(block, 10) == block
    assert heap.heap_check()


def test_no_more_than_a_sixteenth_is_lost(heap):
    """A free block of n bytes serves any request of at most 15/16 n."""
    total = heap.statistic_total()
    for size in (total * 15 // 16 - 64, total // 2, total // 3):
        block = heap.heap_allocate(size)
        assert block is not None
        heap.heap_release(block)


def test_double_release(heap):
    first, second, third = (heap.heap_allocate(64) for _ in range(3))
    heap.heap_release(second)
    assert b"not in use" in heap.try_release(second)
    heap.heap_release(first)
    assert b"not in use" in heap.try_release(second)  # merged into the first by now
    assert b"not in use" in heap.try_resize(second, 10)
    heap.heap_release(third)
    for block in (first, second, third):
        assert b"not in use" in heap.try_release(block)
    assert heap.heap_check()


def test_release_of_what_is_no_block(heap):
    block = heap.heap_allocate(256)
    ctypes.memset(block, 0x11, 256)
    for wild in (block + 1, block + 16, heap.address + heap.size, heap.address - 4096, 8):
        assert b"not in use" in heap.try_release(wild)
    heap.heap_release(block)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 100])
@pytest.mark.parametrize("behind", [0, 1, 7])
def test_overrun_is_found(debug_heap, size, behind):
    block = debug_heap.heap_allocate(size)
    ctypes.memset(block + size + behind, 0, 1)
    assert b"past its end" in debug_heap.try_release(block)
    block = debug_heap.heap_allocate(size)
    ctypes.memset(block + size + behind, 0, 1)
    assert b"past its end" in debug_heap.try_resize(block, 200)


def test_junk_on_both_calls(debug_heap):
    block = debug_heap.heap_allocate(100)
    assert ctypes.string_at(block, 100) == b"\xa5" * 100
    ctypes.memset(block, 1, 100)
    debug_heap.heap_release(block)
    released = ctypes.string_at(block, 100)
    assert released[16:] == b"\xdd" * 84  # the first bytes are the free list's


def test_junk_in_what_a_resize_adds(debug_heap):
    block = debug_heap.heap_allocate(10)
    ctypes.memset(block, 1, 10)
    block = debug_heap.heap_resize(block, 300)
    assert ctypes.string_at(block, 300) == b"\x01" * 10 + b"\xa5" * 290


def test_reservations(heap):
    available = heap.memory_available()
    assert available == heap.size
    first, second = heap.memory_reserve(1), heap.memory_reserve(5000)
    assert first % 4096 == 0 and second == first + 4096
    assert first >= heap.address + heap.size, "reserved memory lies in the heap"
    assert ctypes.string_at(second, 5000) == bytes(5000)
    assert heap.memory_available() == available - 4096 - 8192
    assert heap.memory_reserve(available) is None
    assert heap.memory_reserve(2**64 - 1) is None
    assert heap.memory_reserve(heap.memory_available()) is not None
    assert heap.memory_available() == 0


def test_too_little_memory_is_said(any_library):
    heap = Heap(any_library, 64 * 1024)
    assert b"the heap alone needs 256 KiB" in heap.try_start(heap.address, 128 * 1024, 256 * 1024)
