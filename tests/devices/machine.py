"""A PC with one network card (model/*.c), and the real pci.c and e1000/ driving it."""

from __future__ import annotations

import ctypes
import shutil
from pathlib import Path

from tests.native import ROOT, UNDEFINED, library

SOURCES = [
    "tests/devices/model/machine.c",
    "tests/devices/model/nic_model.c",
    "tests/devices/model/test_e1000.c",
    "kernel_static/drivers/pci.c",
    "kernel_static/drivers/e1000/frames.c",
    "kernel_static/drivers/e1000/start.c",
]
FLAGS = [*UNDEFINED, f"-I{ROOT}/tests/devices/model", f"-I{ROOT}/kernel_static/drivers/e1000"]
MAC = bytes.fromhex("525400123456")


class Statistics(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            "received transmitted receive_errors receive_long receive_runts receive_missed "
            "transmit_errors transmit_full"
        ).split()
    ]


class Machine:
    """Each has its own copy of the library, since the driver keeps one static device."""

    def __init__(self, folder: Path):
        built = Path(library(folder.parent, SOURCES, FLAGS)._name)
        self.lib = ctypes.CDLL(str(shutil.copy(built, folder / "machine.so")))
        for name, kind in {
            "machine_complaint": ctypes.c_char_p,
            "machine_log": ctypes.c_char_p,
            "machine_idle": ctypes.c_bool,
            "machine_mapped": ctypes.c_uint64,
            "machine_mapped_size": ctypes.c_size_t,
            "machine_add": ctypes.c_size_t,
            "test_start": ctypes.c_bool,
            "test_link_up": ctypes.c_bool,
            "test_transmit": ctypes.c_bool,
            "test_receive": ctypes.POINTER(ctypes.c_uint8),
            "test_mac": ctypes.POINTER(ctypes.c_uint8 * 6),
            "test_statistics": Statistics,
            "test_enumerate": ctypes.c_char_p,
            "test_range": ctypes.c_bool,
            "nic_receive": ctypes.c_bool,
            "nic_transmit_some": ctypes.c_size_t,
            "nic_sent_count": ctypes.c_size_t,
            "nic_sent": ctypes.c_size_t,
            "nic_free_descriptors": ctypes.c_size_t,
            "nic_address_is": ctypes.c_bool,
            "nic_asserts": ctypes.c_bool,
        }.items():
            getattr(self.lib, name).restype = kind
        self.add(0, 0, 0, 0x8086, 0x1237, 0x0600)
        self.seen = 0

    def add(self, bus, device, number, vendor, id, kind, header=0) -> int:
        return self.lib.machine_add(bus, device, number, vendor, id, kind, header)

    def set(self, function: int, offset: int, value: int, writable: int = 0, size: int = 4) -> None:
        self.lib.machine_set(
            ctypes.c_size_t(function), offset, value, writable, ctypes.c_size_t(size)
        )

    def card(
        self,
        bus=0,
        device=3,
        id=0x100E,
        mac=MAC,
        autoload=True,
        eerd=True,
        reset_reads=2,
        wide=False,
    ) -> int:
        """Plugs in a network card with 128 KiB of registers."""
        function = self.add(bus, device, 0, 0x8086, id, 0x0200)
        self.set(function, 0x10, 0xFEBC0004 if wide else 0xFEBC0000, 0xFFFE0000)
        if wide:
            self.set(function, 0x14, 0x00000002, 0xFFFFFFFF)
        else:
            self.set(function, 0x14, 0xC001, 0xFFFFFFC0)
        self.set(function, 0x3C, 0x010B, 0xFF, 2)
        self.lib.machine_network(ctypes.c_size_t(function))
        self.lib.nic_configure(mac, autoload, eerd, ctypes.c_uint32(reset_reads))
        return function

    def start(self) -> bool:
        return self.lib.test_start()

    @property
    def log(self) -> str:
        return self.lib.machine_log().decode()

    @property
    def complaint(self) -> str:
        return self.lib.machine_complaint().decode()

    def arrive(self, frame: bytes, errors: int = 0) -> bool:
        """A frame from the wire; False if the device had to drop it."""
        return self.lib.nic_receive(frame, ctypes.c_size_t(len(frame)), errors)

    def receive(self, most: int = 1 << 20) -> list[bytes]:
        """Frames that the driver delivers."""
        count, size = ctypes.c_size_t(), ctypes.c_size_t()
        start = self.lib.test_receive(
            ctypes.c_size_t(most), ctypes.byref(count), ctypes.byref(size)
        )
        data = ctypes.string_at(start, size.value)
        frames = []
        while data:
            length = int.from_bytes(data[:2], "little")
            frames.append(data[2 : 2 + length])
            data = data[2 + length :]
        assert len(frames) == count.value
        return frames

    def transmit(self, frame: bytes) -> bool:
        return self.lib.test_transmit(frame, ctypes.c_size_t(len(frame)))

    def sent(self) -> list[bytes]:
        """Frames on the wire since the last look."""
        frames = []
        buffer = ctypes.create_string_buffer(2048)
        while self.seen < self.lib.nic_sent_count():
            size = self.lib.nic_sent(ctypes.c_size_t(self.seen), buffer)
            frames.append(buffer.raw[:size])
            self.seen += 1
        return frames

    def finish(self, most: int, status: int = 0) -> int:
        return self.lib.nic_transmit_some(ctypes.c_size_t(most), status)

    def statistics(self) -> Statistics:
        return self.lib.test_statistics()
