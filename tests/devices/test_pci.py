"""PCI enumeration over a configuration space made up by each test."""

from __future__ import annotations

import ctypes

import pytest

from tests.devices.machine import Machine


@pytest.fixture
def machine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pci") / "machine"
    folder.mkdir()
    found = Machine(folder)
    yield found
    assert found.complaint == ""


def listed(machine) -> list[str]:
    return [line.split()[0] for line in machine.lib.test_enumerate().decode().splitlines()]


def bridge(machine, bus, device, below, number=0, header=1):
    index = machine.add(bus, device, number, 0x8086, 0x244E, 0x0604, header=header)
    machine.set(index, 0x18, bus | below << 8 | 255 << 16)


def test_functions_of_multifunction_devices(machine):
    for number in (0, 1, 3, 7):
        machine.add(
            0, 1, number, 0x8086, 0x7000 + number, 0x0601, header=0x80 if number == 0 else 0
        )
    machine.add(0, 2, 0, 0x1234, 0x1111, 0x0300)
    machine.add(0, 2, 1, 0x1234, 0x1112, 0x0300)  # echo of a device that says it has one function
    machine.add(0, 31, 0, 0x8086, 0x100E, 0x0200)
    assert listed(machine) == ["0:0.0", "0:1.0", "0:1.1", "0:1.3", "0:1.7", "0:2.0", "0:31.0"]


def test_bridges_below_bridges(machine):
    bridge(machine, 0, 5, 3)
    bridge(machine, 3, 0, 1)
    bridge(machine, 1, 31, 255)
    for bus in (1, 3, 255):
        machine.add(bus, 2, 0, 0x8086, 0x100E, 0x0200)
    assert listed(machine) == ["0:0.0", "0:5.0", "3:0.0", "3:2.0", "1:2.0", "1:31.0", "255:2.0"]


def test_bridges_in_a_circle_and_unconfigured_bridges_end(machine):
    bridge(machine, 0, 5, 3)
    bridge(machine, 3, 0, 3)
    bridge(machine, 3, 1, 0)
    assert listed(machine) == ["0:0.0", "0:5.0", "3:0.0", "3:1.0"]


def test_interrupt_lines(machine):
    for device, (line, pin) in enumerate([(11, 1), (5, 0), (255, 1), (16, 1), (0, 4)], 1):
        index = machine.add(0, device, 0, 0x8086, 0x100E, 0x0200)
        machine.set(index, 0x3C, line | pin << 8, 0, 2)
    lines = [int(text.split()[-1]) for text in machine.lib.test_enumerate().decode().splitlines()]
    assert lines == [255, 11, 255, 255, 255, 0]


def measured(machine, device, index):
    out = (ctypes.c_uint64 * 3)()
    return tuple(out) if machine.lib.test_range(0, device, index, out) else None


def test_ranges(machine):
    index = machine.add(0, 9, 0, 0x8086, 0x1234, 0x0200)
    machine.set(index, 0x10, 0xF0000008, 0xFF000000)  # 16 MiB, prefetchable
    machine.set(index, 0x14, 0x0000000C, 0x00000000)  # 64 bits, 8 GiB at 4 GiB * 6
    machine.set(index, 0x18, 0x00000006, 0xFFFFFFFE)
    machine.set(index, 0x1C, 0x0000E041, 0x0000FFC0)  # 64 ports; the upper half is not decoded
    machine.set(index, 0x20, 0x00000000, 0xFFFFF000)  # no address yet
    machine.set(index, 0x04, 0x0003, 0x0547, 2)
    assert measured(machine, 9, 0) == (0xF0000000, 16 << 20, 0)
    assert measured(machine, 9, 1) == (6 << 32, 8 << 30, 0)
    assert measured(machine, 9, 2) is None  # an upper half
    assert measured(machine, 9, 3) == (0xE040, 64, 1)
    assert measured(machine, 9, 4) is None
    assert measured(machine, 9, 5) is None  # not implemented
    assert measured(machine, 9, 6) is None
    machine.lib.machine_get.restype = ctypes.c_uint32
    held = [machine.lib.machine_get(ctypes.c_size_t(index), at) for at in range(0x10, 0x28, 4)]
    assert held == [0xF0000008, 0x0000000C, 6, 0x0000E041, 0, 0]  # measuring put everything back
    assert machine.lib.machine_get(ctypes.c_size_t(index), 4) & 0xFFFF == 3


def test_bridges_have_no_ranges(machine):
    bridge(machine, 0, 5, 3)
    assert measured(machine, 5, 0) is None
