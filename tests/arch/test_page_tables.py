"""The page tables as QEMU's own walk of them shows them: write xor execute everywhere."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from cllm_gen.image.symbols import read_symbols
from cllm_gen.machine import qemu
from cllm_gen.machine.options import Options
from cllm_gen.machine.ports import free_port
from cllm_gen.machine.process import Machine
from tests.arch.conftest import ROOT
from tests.targets import BARE

# "info tlb": virtual address, physical address, then a letter or a dash for each of: not
# executable, global, large page, dirty, accessed, uncached, write-through, user, writable
ENTRY = re.compile(r"^([0-9a-f]+): ([0-9a-f]+) ([-XGPDACTUW]{9})\s*$", re.MULTILINE)


def monitor(path: Path, command: str) -> str:
    """What QEMU's monitor answers to one command."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(30)
        line.connect(str(path))
        text = ""
        for send in (None, command):
            if send:
                line.sendall(send.encode() + b"\n")
            while text.count("(qemu) ") < (2 if send else 1):
                text += line.recv(1 << 20).decode(errors="replace")
    return text.replace("\r", "")


@pytest.fixture(scope="module", params=BARE)
def walked(request, debug_image, tmp_path_factory):
    """(symbols by name, {virtual page: flags}) of a machine that halted after a panic."""
    image = debug_image(request.param)
    folder = tmp_path_factory.mktemp("monitor")
    module = folder / "module"
    module.write_bytes(b"\x5a" * 5_000_000)
    command, _ = qemu.command(
        image.target.loader,
        image.image,
        module,
        free_port(),
        Options(memory=64, nic=image.nics[0], append="fault=panic"),
    )
    place = command.index("-device", command.index("-device") + 1)
    assert command[place + 1].startswith("isa-debug-exit")
    del command[place : place + 2]  # so that the end of the run is a halt
    command += ["-monitor", f"unix:{folder}/monitor,server,nowait"]
    with Machine(command, image.folder, 0, qemu.exit_code) as machine:
        machine.wait_for("kernel_main", 60)
        text = monitor(folder / "monitor", "info tlb")
    pages = {}
    for virtual, physical, flags in ENTRY.findall(text):
        frame = int(physical, 16) & ~(1 << 63)  # QEMU leaves PAE's NX bit in
        assert int(virtual, 16) == frame, "everything is identity mapped"
        size = 1 << 21 if "P" in flags else 1 << 12
        for page in range(int(virtual, 16), int(virtual, 16) + size, 4096):
            pages[page] = flags
    assert len(pages) > 10_000, text[:2000]
    symbols = {symbol.name: symbol.address for symbol in read_symbols(ROOT, image.symbols)}
    return symbols, pages


def between(walked, start: str, end: str) -> set[str]:
    """The flags of all pages between two names."""
    symbols, pages = walked
    assert symbols[start] < symbols[end]
    return {pages.get(page, "unmapped") for page in range(symbols[start], symbols[end], 4096)}


def test_no_page_is_writable_and_executable(walked):
    _, pages = walked
    assert all("X" in flags for flags in pages.values() if "W" in flags)


def test_only_the_text_is_executable(walked):
    symbols, pages = walked
    executable = {page for page, flags in pages.items() if "X" not in flags}
    text = range(symbols["layout_image_start"], symbols["layout_text_end"], 4096)
    assert executable == set(text)


def test_constants_are_read_only(walked):
    assert not any("W" in f for f in between(walked, "layout_text_end", "layout_rodata_end"))


def test_stacks_have_unmapped_guards(walked):
    assert between(walked, "layout_main_guard", "layout_main_stack") == {"unmapped"}
    assert between(walked, "layout_fault_guard", "layout_fault_stack") == {"unmapped"}
    for start, end in (("main_stack", "main_stack_top"), ("fault_stack", "fault_stack_top")):
        assert all("W" in flags for flags in between(walked, f"layout_{start}", f"layout_{end}"))


def test_null_page_is_unmapped(walked):
    _, pages = walked
    assert 0 not in pages and 4096 in pages


def test_module_is_read_only(walked):
    """The loader puts it on the first page behind the image's own."""
    symbols, pages = walked
    first = next(
        page
        for page in range(symbols["layout_image_end"] & -4096, 1 << 24, 4096)
        if "W" not in pages.get(page, "W")
    )
    end = (first + 5_000_000 + 4095) // 4096 * 4096
    module = range(first, end, 4096)
    assert first - symbols["layout_image_end"] < 1 << 20
    assert not any("W" in pages[page] for page in module)
    assert "W" in pages[end], "and what follows is free memory"


def test_memory_is_mapped_in_large_pages(walked):
    """So that boot writes few entries and the emulator's translation cache reaches far."""
    _, pages = walked
    assert sum("P" in flags for flags in pages.values()) > len(pages) * 3 // 4
