"""Generated register access against masks and shifts computed here from the datasheet's bit numbers,
and against a device that records every access."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cllm_gen.notation.names import c_name
from cllm_gen.spec.device import Device, Record
from specs.devices.e1000 import e1000
from specs.devices.pci import pci
from specs.devices.uart16550 import uart16550
from tests.native import ROOT, UNDEFINED, library

DEVICES = (e1000, uart16550, pci)

BUSES = """
#include <string.h>
struct access { uint64_t place, value; uint32_t width, write; };
struct access last;
uint64_t answer;
static uint64_t note(uint64_t place, unsigned width, uint64_t value, unsigned write) {
    last = (struct access){place, value, width, write};
    return answer;
}
uint32_t mmio_read32(const volatile void *base, size_t offset) { return (uint32_t)note((uintptr_t)base + offset, 32, 0, 0); }
void mmio_write32(volatile void *base, size_t offset, uint32_t v) { note((uintptr_t)base + offset, 32, v, 1); }
"""


def bus_functions() -> str:
    text = BUSES
    for width in (8, 16, 32):
        kind = f"uint{width}_t"
        text += f"{kind} io_in{width}(uint16_t p) {{ return ({kind})note(p, {width}, 0, 0); }}\n"
        text += f"void io_out{width}(uint16_t p, {kind} v) {{ note(p, {width}, v, 1); }}\n"
        place = "(uint64_t)a.bus << 16 | (uint64_t)a.device << 11 | (uint64_t)a.function << 8 | o"
        text += f"{kind} pci_read{width}(struct pci_address a, uint8_t o) {{ return ({kind})note({place}, {width}, 0, 0); }}\n"
        text += f"void pci_write{width}(struct pci_address a, uint8_t o, {kind} v) {{ note({place}, {width}, v, 1); }}\n"
    return text


def registers(device: Device):
    """(part, C prefix, register) of each register of a device."""
    for part in device.parts:
        between = part.name if isinstance(part, Record) else part.prefix
        for register in part.registers:
            yield part, "_".join(
                filter(None, [device.name, between, c_name(register.name)])
            ), register


def fields(device: Device):
    for _, name, register in registers(device):
        for field in register.fields:
            yield f"{name}_{c_name(field.name)}", register, field


def readable(register, field=None) -> bool:
    return ((field and field.access) or register.access).value != "W"


def writable(register, field=None) -> bool:
    return ((field and field.access) or register.access).value in ("W", "R/W", "R/W1C")


WHERE = {  # bus: (C argument, its value with registers at base 0x1000)
    "memory": ("(void *)0x1000", 0x1000),
    "ports": ("0x1000", 0x1000),
    "configuration": ("((struct pci_address){2, 3, 4})", 2 << 16 | 3 << 11 | 4 << 8),
}


def shim() -> str:
    lines = [
        '#include "devices/e1000.h"',
        '#include "devices/uart16550.h"',
        '#include "devices/pci.h"',
        bus_functions(),
    ]
    for device in DEVICES:
        for part, name, register in registers(device):
            lines.append(f"uint64_t offset_{name}(void) {{ return {name.upper()}_OFFSET; }}")
            if isinstance(part, Record):
                continue
            where = WHERE[part.bus][0]
            index = ", i" if register.count else ""
            if readable(register):
                lines.append(
                    f"uint64_t read_{name}(size_t i) {{ (void)i; return {name}_read({where}{index}); }}"
                )
            if writable(register):
                lines.append(
                    f"void write_{name}(size_t i, uint64_t v) {{ (void)i; {name}_write({where}{index}, (uint{register.width}_t)v); }}"
                )
        for name, register, field in fields(device):
            kind = f"(uint{register.width}_t)"
            value = "v != 0" if field.bits == 1 else f"{kind}v"
            lines.append(f"uint64_t mask_{name}(void) {{ return {name.upper()}_MASK; }}")
            lines.append(f"uint64_t shift_{name}(void) {{ return {name.upper()}_SHIFT; }}")
            if readable(register, field):
                lines.append(f"uint64_t get_{name}(uint64_t w) {{ return {name}_get({kind}w); }}")
            if writable(register, field):
                lines.append(
                    f"uint64_t set_{name}(uint64_t w, uint64_t v) {{ return {name}_set({kind}w, {value}); }}"
                )
    return "\n".join(lines) + "\n"


class Access(ctypes.Structure):
    _fields_ = [
        ("place", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
        ("width", ctypes.c_uint32),
        ("write", ctypes.c_uint32),
    ]


class Library:
    def __init__(self, folder):
        source = folder / "registers.c"
        source.write_text(shim())
        self.lib = library(folder, [str(source)], [*UNDEFINED, f"-I{ROOT}/tests/devices/model"])
        self.last = Access.in_dll(self.lib, "last")
        self.answer = ctypes.c_uint64.in_dll(self.lib, "answer")

    def call(self, name: str, *values: int) -> int:
        function = getattr(self.lib, name)
        function.restype = ctypes.c_uint64
        return function(*(ctypes.c_uint64(value) for value in values))


@pytest.fixture(scope="module")
def lib(tmp_path_factory):
    return Library(tmp_path_factory.mktemp("registers"))


@pytest.mark.parametrize("device", DEVICES, ids=lambda d: d.name)
def test_registers_are_where_the_datasheet_says(lib, device):
    for part, name, register in registers(device):
        assert lib.call(f"offset_{name}") == register.offset
        if isinstance(part, Record):
            continue
        for index in {0, (register.count or 1) - 1}:
            place = WHERE[part.bus][1] + register.offset + index * (register.stride or 0)
            assert hasattr(lib.lib, f"read_{name}") == readable(register)
            assert hasattr(lib.lib, f"write_{name}") == writable(register)
            if readable(register):
                lib.answer.value = 0xA1B2C3D4
                assert lib.call(f"read_{name}", index) == 0xA1B2C3D4 & ((1 << register.width) - 1)
                assert (lib.last.place, lib.last.width, lib.last.write) == (
                    place,
                    register.width,
                    0,
                )
            if writable(register):
                lib.call(f"write_{name}", index, 0x5A6B7C8D)
                wanted = 0x5A6B7C8D & ((1 << register.width) - 1)
                assert (lib.last.place, lib.last.value, lib.last.width, lib.last.write) == (
                    place,
                    wanted,
                    register.width,
                    1,
                )


@pytest.mark.parametrize("device", DEVICES, ids=lambda d: d.name)
@settings(max_examples=40, deadline=None)
@given(word=st.integers(0, 2**64 - 1), value=st.integers(0, 2**64 - 1))
def test_fields(lib, device, word, value):
    for name, register, field in fields(device):
        full = (1 << register.width) - 1
        here = [bit for bit in range(register.width) if field.low <= bit <= field.high]
        mask = sum(1 << bit for bit in here)
        assert lib.call(f"mask_{name}") == mask and lib.call(f"shift_{name}") == here[0]
        held = word & full
        if readable(register, field):
            assert lib.call(f"get_{name}", held) == sum(
                (held >> bit & 1) << i for i, bit in enumerate(here)
            )
        if writable(register, field):
            low = (value != 0) if field.bits == 1 else value & ((1 << len(here)) - 1)
            kept = held & ~mask & full
            assert lib.call(f"set_{name}", held, value) == kept | low << here[0]


def test_facts_of_the_datasheet():
    """A few numbers written down independently of the specs' notation."""
    found = {name: register.offset for _, name, register in registers(e1000)}
    known = dict(
        ctrl=0,
        status=8,
        icr=0xC0,
        ims=0xD0,
        rctl=0x100,
        tctl=0x400,
        rdbal=0x2800,
        rdt=0x2818,
        tdt=0x3818,
        ral=0x5400,
    )
    assert {name: found[f"e1000_{name}"] for name in known} == known
    masks = {name: ((1 << f.bits) - 1) << f.low for name, _, f in fields(e1000)}
    assert masks["e1000_ctrl_rst"] == 1 << 26 and masks["e1000_status_lu"] == 2
    assert masks["e1000_rctl_secrc"] == 1 << 26 and masks["e1000_tctl_cold"] == 0x3FF000
    reset = {name: register.initial for _, name, register in registers(e1000)}
    assert reset["e1000_ctrl"] == 0xA09 and reset["e1000_rctl"] == 0 and reset["e1000_ral"] is None
    assert {(each.vendor, each.device) for each in e1000.ids} >= {
        (0x8086, 0x100E),
        (0x8086, 0x100F),
        (0x8086, 0x1004),
    }
