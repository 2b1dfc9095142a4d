"""Whole transfers over wires that lose, double, damage and reorder."""

import random

import pytest

from tests.net.kernel import SECOND
from tests.net.peer import Peer, run

MIB = 1 << 20


def stream(seed: int, count: int) -> bytes:
    return random.Random(seed).randbytes(count)


def test_one_mebibyte_each_way_over_a_bad_wire(kernel):
    kernel.mode(echo=True)
    before = kernel.status()["heap_blocks"]
    whole = stream(1, MIB)
    peer = Peer(kernel, 40000, whole, shift=2)
    kernel.faults(drop=0.05, reorder=0.05, seed=11)
    run(kernel, [peer], 1000 * SECOND)
    assert bytes(peer.incoming) == whole
    status = kernel.status()
    assert status["tcp_fast_retransmissions"] > 10 and status["tcp_out_of_order"] > 10
    kernel.faults()
    kernel.run_for(61 * SECOND, SECOND)
    status = kernel.status()
    assert status["connections"] == 0 and status["heap_blocks"] == before


@pytest.mark.parametrize("seed", range(6))
def test_every_fault_at_once(kernel, seed):
    kernel.mode(echo=True)
    whole = stream(seed, 60_000 + seed)
    peer = Peer(kernel, 40000, whole, sequence=2**32 - 20_000, shift=None if seed % 2 else 0)
    kernel.faults(drop=0.1, duplicate=0.1, corrupt=0.1, reorder=0.2, seed=seed + 1)
    run(kernel, [peer], 1000 * SECOND)
    assert bytes(peer.incoming) == whole
    status = kernel.status()
    assert status["tcp_bad_checksum"] + status["ipv4_bad_checksum"] + status["ipv4_malformed"] > 0


def test_several_at_once_over_a_bad_wire(kernel):
    kernel.mode(echo=True)
    wholes = [stream(i, 20_000 + 999 * i) for i in range(4)]
    peers = [
        Peer(kernel, 41000 + i, whole, window=2000 + 6000 * i) for i, whole in enumerate(wholes)
    ]
    kernel.faults(drop=0.08, duplicate=0.05, reorder=0.1, seed=5)
    run(kernel, peers, 1000 * SECOND)
    assert [bytes(peer.incoming) for peer in peers] == wholes


def test_one_mebibyte_over_a_good_wire_needs_no_repetition(kernel):
    kernel.mode(echo=True)
    whole = stream(2, MIB)
    peer = Peer(kernel, 40000, whole, window=65535, shift=3)
    run(kernel, [peer], 100 * SECOND)
    assert bytes(peer.incoming) == whole
    assert kernel.status()["tcp_retransmissions"] == 0


def test_nothing_is_left_behind_by_many_short_connections(kernel):
    kernel.mode(echo=True)
    before = kernel.status()["heap_blocks"]
    kernel.faults(drop=0.05, duplicate=0.05, reorder=0.05, seed=3)
    for group in range(10):
        peers = [
            Peer(kernel, 42000 + 8 * group + i, b"GET /health", sequence=group) for i in range(6)
        ]
        run(kernel, peers, 1000 * SECOND)
        assert all(bytes(peer.incoming) == b"GET /health" for peer in peers)
        kernel.run_for(5 * SECOND, SECOND)
    kernel.faults()
    kernel.run_for(200 * SECOND, SECOND)
    status = kernel.status()
    assert (status["connections"], status["pending"], status["waiting"]) == (0, 0, 0)
    assert status["heap_blocks"] == before
