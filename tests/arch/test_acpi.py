"""platform/pc/acpi.c over tables as firmware makes them, and as it should not."""

from __future__ import annotations

import random
import struct
import subprocess
from pathlib import Path

import pytest

from tests.arch.conftest import ROOT

POINTER, ROOT_TABLE, MADT = 0xF5AD0, 0x7FE1500, 0x7FE1400
EXTENDED_ROOT = 0x7FE1600


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("driver") / "acpi"
    sources = [
        "tests/arch/acpi_driver.c",
        "kernel_static/platform/pc/acpi.c",
        "kernel_static/runtime/log.c",
    ]
    flags = "-std=gnu11 -Wall -Wextra -Werror -g -Ikernel_static/include"
    sanitizers = "-fsanitize=address,undefined -fno-sanitize-recover=all"
    command = ["gcc", *flags.split(), *sanitizers.split(), *sources, "-o", str(output)]
    subprocess.run(command, cwd=ROOT, check=True)
    return output


def summed(data: bytes, place: int, size: int | None = None) -> bytes:
    """`data` with the byte at `place` set so that its first `size` bytes add up to zero."""
    covered = bytearray(data[:size])
    covered[place] = 0
    covered[place] = -sum(covered) & 0xFF
    return bytes(covered) + data[len(covered) :]


def table(signature: bytes, body: bytes, length: int | None = None) -> bytes:
    size = 36 + len(body) if length is None else length
    header = signature + struct.pack("<IBB6s8sI4sI", size, 1, 0, b"CLLM", b"TEST", 1, b"CLLM", 1)
    return summed(header + body, 9)


def pointer(rsdt: int, xsdt: int | None = None) -> bytes:
    data = b"RSD PTR \0CLLM  " + struct.pack("<BI", 0 if xsdt is None else 2, rsdt)
    data = summed(data, 8)
    if xsdt is not None:
        data = summed(data + struct.pack("<IQB3x", 36, xsdt, 0), 32)
    return data


def madt(*entries: bytes, length: int | None = None) -> bytes:
    return table(b"APIC", struct.pack("<II", 0xFEE00000, 1) + b"".join(entries), length)


def apic(number: int, enabled: bool = True, size: int = 8) -> bytes:
    return struct.pack("<BBBBI", 0, size, number, number, enabled)


def x2apic(number: int, enabled: bool = True) -> bytes:
    return struct.pack("<BBHIII", 9, 16, 0, number, enabled, number)


IO_APIC = struct.pack("<BBBBII", 1, 12, 0, 0, 0xFEC00000, 0)


def memory(madt_table: bytes, **replaced: bytes) -> dict[int, bytes]:
    """The firmware's segment with a pointer in it, a root table that lists another table first,
    and the table of CPUs."""
    parts = {
        "pointer": pointer(ROOT_TABLE),
        "root": table(b"RSDT", struct.pack("<II", 0x7FE1300, MADT)),
        **replaced,
    }
    area = bytearray(0x20000)
    area[POINTER - 0xE0000 : POINTER - 0xE0000 + len(parts["pointer"])] = parts["pointer"]
    other = table(b"FACP", bytes(80))
    return {0xE0000: bytes(area), ROOT_TABLE: parts["root"], MADT: madt_table, 0x7FE1300: other}


def find(driver: Path, segments: dict[int, bytes], most: int = 16) -> tuple[list[int], str]:
    """The ids and the log."""
    text = "".join(f"{start:#x} {data.hex()}\n" for start, data in segments.items())
    done = subprocess.run([driver, str(most)], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()], done.stderr


def test_enabled_processors_in_order(driver):
    entries = apic(0), IO_APIC, apic(2), apic(1, enabled=False), apic(7)
    assert find(driver, memory(madt(*entries)))[0] == [0, 2, 7]


def test_x2apic_entries_and_duplicates(driver):
    """Firmware may name a CPU in both ways."""
    entries = apic(0), apic(1), x2apic(1), x2apic(300), x2apic(301, enabled=False)
    assert find(driver, memory(madt(*entries)))[0] == [0, 1, 300]


def test_more_processors_than_wanted(driver):
    whole = memory(madt(*map(apic, range(64))))
    assert find(driver, whole, 16)[0] == list(range(16))
    assert find(driver, whole, 100)[0] == list(range(64))


def test_extended_root_is_preferred_and_the_plain_one_its_replacement(driver):
    other = 0x7FE2000
    segments = memory(madt(apic(0)), pointer=pointer(ROOT_TABLE, EXTENDED_ROOT))
    segments[other] = madt(apic(0), apic(1))
    segments[EXTENDED_ROOT] = table(b"XSDT", struct.pack("<Q", other))
    assert find(driver, segments)[0] == [0, 1]
    segments[EXTENDED_ROOT] = segments[EXTENDED_ROOT][:-1] + b"\xff"
    found, log = find(driver, segments)
    assert found == [0] and "XSDT at 0x7fe1600 is damaged" in log


def test_addresses_beyond_memory_are_refused(driver):
    root = table(b"RSDT", struct.pack("<III", 0xFFFFFFF0, 0x10, MADT))
    assert find(driver, memory(madt(apic(0), apic(1)), root=root))[0] == [0, 1]


def test_nothing_there(driver):
    found, log = find(driver, {})
    assert found == [] and "no table of CPUs" in log
    assert find(driver, {0xE0000: bytes(0x20000)})[0] == []


def test_pointer_in_conventional_memory(driver):
    segments = memory(madt(apic(0), apic(1)))
    low = bytearray(0x20000)
    low[0x1FC00 : 0x1FC00 + 20] = pointer(ROOT_TABLE)
    segments[0xE0000] = bytes(0x20000)
    segments[0x80000] = bytes(low)
    assert find(driver, segments)[0] == [0, 1]


@pytest.mark.parametrize("part", ["pointer", "root", "madt"])
def test_bad_checksum(driver, part: str):
    good = {
        "pointer": pointer(ROOT_TABLE),
        "root": table(b"RSDT", struct.pack("<II", 0x7FE1300, MADT)),
        "madt": madt(apic(0), apic(1)),
    }
    good[part] = good[part][:10] + bytes([good[part][10] ^ 1]) + good[part][11:]
    found, log = find(driver, memory(good.pop("madt"), **good))
    assert found == [] and "no table of CPUs" in log


@pytest.mark.parametrize("length", [0, 35, 36 + 8 + 17, 1 << 20, 0xFFFFFFFF])
def test_lying_table_length(driver, length: int):
    """Shorter than a header, longer than the memory there, longer than any table."""
    assert find(driver, memory(madt(apic(0), apic(1), length=length)))[0] == []


def test_table_of_header_only(driver):
    assert find(driver, memory(table(b"APIC", b"")))[0] == []


@pytest.mark.parametrize("size", [0, 1, 9, 200, 255])
def test_lying_entry_length_ends_the_list(driver, size: int):
    found, log = find(driver, memory(madt(apic(0), apic(1, size=size))))
    assert found == [0] and "is cut at byte 52" in log


@pytest.mark.parametrize("cut", range(1, 8))
def test_entry_shorter_than_its_kind_is_skipped(driver, cut: int):
    short = bytes([0, 8 - cut, 1, 1, 1, 0, 0, 0])[: 8 - cut]
    found, _ = find(driver, memory(madt(apic(0), short, apic(3))))
    assert found in ([0, 3], [0]) and 1 not in found


def test_arbitrary_damage(driver):
    """With the checksum mended, whatever the bytes say must be survived."""
    drawn = random.Random(20250)
    whole = madt(apic(0), IO_APIC, x2apic(5), *map(apic, range(6)))
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(drawn.randint(1, 6)):
            data[drawn.randrange(4, len(data))] = drawn.randrange(256)
        found, _ = find(driver, memory(summed(bytes(data), 9)), 8)
        assert len(found) <= 8 and len(set(found)) == len(found)
