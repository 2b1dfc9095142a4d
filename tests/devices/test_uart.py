"""The serial driver against a software 16550."""

from __future__ import annotations

import ctypes
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.native import ROOT, UNDEFINED, library

SOURCES = ["tests/devices/model/uart_model.c", "kernel_static/drivers/uart16550.c"]
PORT = 0x3F8
IER, LCR, MCR, FCR, DLL, DLM = range(6)


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uart")
    built = library(folder, SOURCES, [*UNDEFINED, f"-I{ROOT}/tests/devices/model"])._name
    made = []

    def fresh(present: bool = True, slowness: int = 1):
        made.append(folder / f"uart{len(made)}.so")
        lib = ctypes.CDLL(shutil.copy(built, made[-1]))
        lib.uart_start.restype = ctypes.c_bool
        lib.uart_model_sent.restype = ctypes.c_size_t
        lib.uart_model_complaint.restype = ctypes.c_char_p
        lib.uart_model_set(present, slowness)
        return lib

    return fresh


def write(lib, data: bytes) -> None:
    lib.uart_write(PORT, data, ctypes.c_size_t(len(data)))


def sent(lib) -> bytes:
    """What the line has carried, once the FIFO has had time to drain."""
    for _ in range(100):
        lib.uart_read(PORT)
    out = ctypes.create_string_buffer(1 << 16)
    count = lib.uart_model_sent(out)
    return out.raw[:count]


@pytest.mark.parametrize("baud, divisor", [(115200, 1), (57600, 2), (9600, 12), (300, 384)])
def test_start(make, baud, divisor):
    lib = make()
    assert lib.uart_start(PORT, baud)
    state = [lib.uart_model_state(i) for i in range(6)]
    assert state[DLL] | state[DLM] << 8 == divisor
    assert state[LCR] == 0x03 and state[IER] == 0 and state[MCR] == 0x03 and state[FCR] == 0x07


def test_empty_port(make):
    assert not make(present=False).uart_start(PORT, 115200)


@pytest.mark.parametrize("slowness", [1, 7])
@settings(max_examples=30, deadline=None)
@given(pieces=st.lists(st.binary(max_size=100), max_size=8))
def test_everything_is_sent_in_order_and_no_fifo_overruns(make, slowness, pieces):
    lib = make(slowness=slowness)
    lib.uart_start(PORT, 115200)
    for piece in pieces:
        write(lib, piece)
    lib.uart_model_set(True, 1)
    assert sent(lib) == b"".join(pieces)
    assert lib.uart_model_complaint() == b""


def test_a_line_that_never_drains_costs_a_bounded_wait(make):
    lib = make(slowness=0)
    lib.uart_start(PORT, 115200)
    write(lib, bytes(100))
    assert sent(lib) == b"" and lib.uart_model_complaint() == b""


def test_receive(make):
    lib = make()
    lib.uart_start(PORT, 115200)
    assert lib.uart_read(PORT) == -1
    for byte in b"a\xff\x00":
        lib.uart_model_arrive(byte)
    assert [lib.uart_read(PORT) for _ in range(4)] == [0x61, 0xFF, 0x00, -1]
