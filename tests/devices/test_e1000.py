"""The e1000 driver against a software model of the device that checks who owns which descriptor."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.devices.machine import MAC, Machine

RING = 256
FREE = RING - 1  # one descriptor always stays with the driver


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("e1000")


@pytest.fixture
def empty(folder):
    """A machine without a card; whatever the test does, the model must not have complained."""
    number = len(list(folder.iterdir()))
    (folder / f"m{number}").mkdir()
    machine = Machine(folder / f"m{number}")
    yield machine
    assert machine.complaint == ""


@pytest.fixture
def running(empty):
    empty.card()
    assert empty.start(), empty.log
    return empty


def frame(number: int, size: int = 64) -> bytes:
    """A frame that names itself throughout."""
    return (MAC + MAC + b"\x08\x00" + number.to_bytes(4, "big") * (size // 4 + 1))[:size]


def on_wire(sent: bytes) -> bytes:
    return sent + bytes(max(0, 60 - len(sent)))


@pytest.mark.parametrize(
    "id, chip",
    [
        (0x100E, "82540EM"),
        (0x100F, "82545EM"),
        (0x100C, "82544GC"),
        (0x1004, "82543GC"),
        (0x10D3, "82574L"),
    ],
)
def test_start(empty, id, chip):
    empty.card(id=id)
    assert empty.start()
    assert chip in empty.log and "52:54:00:12:34:56" in empty.log and "interrupt 11" in empty.log
    assert bytes(empty.lib.test_mac().contents) == MAC
    assert (
        empty.lib.machine_mapped() == 0xFEBC0000 and empty.lib.machine_mapped_size() == 128 * 1024
    )
    assert empty.lib.machine_interrupt_line() == 11
    assert empty.lib.nic_free_descriptors() == FREE
    statistics = empty.statistics()
    assert all(getattr(statistics, name) == 0 for name, _ in statistics._fields_)
    assert empty.log.count("\n") == 1


def test_start_behind_bridges_with_a_64_bit_range(empty):
    for bus, below in [(0, 4), (4, 9)]:
        bridge = empty.add(bus, 30, 0, 0x8086, 0x244E, 0x0604, header=1)
        empty.set(bridge, 0x18, bus | below << 8 | 9 << 16)
    empty.card(bus=9, wide=True)
    assert empty.start() and "09:03.0" in empty.log
    assert empty.lib.machine_mapped() == 0x2FEBC0000


def test_mac_from_the_eeprom(empty):
    empty.card(autoload=False)
    assert empty.start()
    assert bytes(empty.lib.test_mac().contents) == MAC
    assert empty.lib.nic_address_is(MAC)


@pytest.mark.parametrize(
    "card, said",
    [
        (dict(reset_reads=2**32 - 1), "does not come out of reset"),
        (dict(autoload=False, eerd=False), "no station address"),
        (dict(mac=bytes(6)), "no station address"),
        (dict(mac=bytes.fromhex("010203040506")), "no station address"),
    ],
)
def test_broken_cards_are_refused(empty, card, said):
    empty.card(**card)
    assert not empty.start() and said in empty.log


def test_no_card(empty):
    empty.add(0, 3, 0, 0x8086, 0x1019, 0x0200)
    assert not empty.start() and empty.log == ""


def test_card_without_memory_range(empty):
    function = empty.card()
    empty.set(function, 0x10, 0xC041, 0xFFFFFFC0)
    assert not empty.start() and "no memory range" in empty.log


def test_no_memory_for_rings(empty):
    import ctypes

    empty.card()
    empty.lib.machine_limit_memory(ctypes.c_size_t(64 * 1024))
    assert not empty.start() and "no memory for two rings" in empty.log


def test_thousands_received_in_order_across_wraps(running):
    rng = random.Random(1)
    arrived, delivered = [], []
    for _ in range(150):
        for _ in range(rng.randint(0, running.lib.nic_free_descriptors())):
            arrived.append(frame(len(arrived), rng.choice([60, 64, 65, 590, 1514])))
            assert running.arrive(arrived[-1])
        delivered += running.receive(rng.choice([1, 3, 16, 17, 64, 1000]))
    delivered += running.receive()
    assert delivered == arrived and len(arrived) > 5000
    assert (
        running.statistics().received == len(arrived) and running.statistics().receive_missed == 0
    )


def test_no_descriptor_stays_with_the_driver(running):
    """After everything was received all but one descriptor are the device's again, at every place
    in the ring and for every batch size."""
    for number in range(3 * RING):
        for each in range(number % 40):
            assert running.arrive(frame(each))
        assert len(running.receive()) == number % 40
        assert running.lib.nic_free_descriptors() == FREE


def test_overrun_loses_only_what_does_not_fit(running):
    arrived = [frame(i) for i in range(RING + 50)]
    taken = [each for each in arrived if running.arrive(each)]
    assert taken == arrived[:FREE]
    running.lib.machine_idle()
    assert running.receive() == taken
    assert running.statistics().receive_missed == RING + 50 - FREE
    assert "missed 51 frames" in running.log
    assert running.arrive(frame(7)) and running.receive() == [frame(7)]


def test_thousands_transmitted_in_order_across_wraps(running):
    rng = random.Random(2)
    running.lib.nic_hold_transmit(True)
    accepted, waiting, refused = [], 0, 0
    for _ in range(100):
        for _ in range(rng.randint(1, 300)):
            each = frame(len(accepted), rng.choice([14, 20, 59, 60, 61, 800, 1514]))
            if running.transmit(each):
                accepted.append(each)
                waiting += 1
            else:
                refused += 1
                assert waiting == FREE
                break
        waiting -= running.finish(rng.randint(0, waiting))
    running.finish(waiting)
    assert running.sent() == [on_wire(each) for each in accepted] and len(accepted) > 5000
    assert running.statistics().transmitted == len(accepted)
    assert refused > 0 and running.statistics().transmit_full == refused


def test_waiting_for_space_is_woken(running):
    """A full ring asks for an interrupt when there is space; otherwise sending wakes nobody."""
    running.lib.nic_hold_transmit(True)
    for i in range(FREE):
        assert running.transmit(frame(i))
    running.finish(1)
    assert not running.lib.machine_idle()
    assert running.transmit(frame(FREE)) and not running.transmit(frame(FREE + 1))
    running.lib.machine_idle()
    running.finish(1)
    assert running.lib.machine_idle()
    assert running.transmit(frame(FREE + 1))
    running.lib.machine_idle()
    running.finish(1)
    assert not running.lib.machine_idle()


def test_collisions_are_counted(running):
    running.lib.nic_hold_transmit(True)
    assert running.transmit(frame(0)) and running.transmit(frame(1)) and running.transmit(frame(2))
    running.finish(1, status=2)
    running.finish(1, status=4)
    running.finish(1)
    assert running.statistics().transmit_errors == 2 and running.statistics().transmitted == 1
    assert "lost to collisions" in running.log


@pytest.mark.parametrize("errors", [0x01, 0x02, 0x04, 0x10, 0x80, 0xFF])
def test_damaged_frames_are_dropped_counted_and_logged(running, errors):
    assert (
        running.arrive(frame(1)) and running.arrive(frame(2), errors) and running.arrive(frame(3))
    )
    assert running.receive() == [frame(1), frame(3)]
    assert running.statistics().receive_errors == 1 and f"errors {errors:02x}" in running.log


def test_checksum_complaints_are_left_to_the_stack(running):
    assert running.arrive(frame(1), 0x20) and running.arrive(frame(2), 0x40)
    assert running.receive() == [frame(1), frame(2)]


@pytest.mark.parametrize("size", [2049, 4096, 9000])
@pytest.mark.parametrize("most", [1, 100])
def test_long_frames_are_dropped_whole(running, size, most):
    """Even when the driver is called between the pieces' deliveries."""
    assert running.arrive(frame(1)) and running.arrive(frame(2, size)) and running.arrive(frame(3))
    got = running.receive(most) + running.receive(most) + running.receive(most)
    assert got == [frame(1), frame(3)]
    assert running.statistics().receive_long == 1 and "longer than a buffer" in running.log
    assert running.lib.nic_free_descriptors() == FREE


def test_runts_are_dropped(running):
    assert running.arrive(b"short") and running.arrive(b"") and running.arrive(frame(1, 14))
    assert running.receive() == [frame(1, 14)]
    assert running.statistics().receive_runts == 2


def test_floods_of_errors_do_not_flood_the_log(running):
    for _ in range(1000):
        running.arrive(frame(0), 1)
        running.receive()
    assert running.statistics().receive_errors == 1000
    assert running.log.count("damaged") == 10


def test_interrupts(running):
    assert not running.lib.machine_idle()
    running.arrive(frame(1))
    assert running.lib.machine_idle() and not running.lib.machine_idle()
    assert running.receive() == [frame(1)]


def test_link(running):
    assert running.lib.test_link_up() and "link up, 1000 Mb/s, full duplex" in running.log
    running.lib.nic_set_link(False)
    assert running.lib.machine_idle()
    assert not running.lib.test_link_up() and not running.lib.test_link_up()
    assert running.log.count("link down") == 1
    running.lib.nic_set_link(True)
    assert running.lib.test_link_up() and running.log.count("link up") == 2


steps = st.lists(
    st.tuples(
        st.sampled_from(["arrive", "bad", "long", "receive", "transmit", "finish", "idle"]),
        st.integers(1, 300),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_any_interleaving(folder, steps):
    """Against two queues: nothing lost, invented or reordered, whatever happens in whatever order."""
    number = len(list(folder.iterdir()))
    (folder / f"m{number}").mkdir()
    machine = Machine(folder / f"m{number}")
    machine.card()
    assert machine.start()
    machine.lib.nic_hold_transmit(True)
    coming, going, count = [], [], 0
    for what, amount in [*steps, ("receive", 10_000), ("finish", 10_000)]:
        if what in ("arrive", "bad", "long"):
            for _ in range(amount if what == "arrive" else 3):
                count += 1
                each = frame(count, 5000 if what == "long" else 60 + count % 1400)
                if machine.arrive(each, 1 if what == "bad" else 0) and what == "arrive":
                    coming.append(each)
        elif what == "receive":
            got = machine.receive(amount)
            assert got == coming[: len(got)] and len(got) == min(amount, len(coming))
            del coming[: len(got)]
        elif what == "transmit":
            for _ in range(amount):
                count += 1
                each = frame(count, 14 + count % 1500)
                if not machine.transmit(each):
                    assert len(going) == FREE
                    break
                going.append(each)
        elif what == "finish":
            done = machine.finish(amount)
            assert machine.sent() == [on_wire(each) for each in going[:done]]
            del going[:done]
        else:
            machine.lib.machine_idle()
        assert machine.complaint == ""
    assert not coming and not going
