"""What a built image is made of."""

from __future__ import annotations

import re
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cllm_gen.image.build import BuildFailed, compile_image
from cllm_gen.image.sizes import largest_symbols
from cllm_gen.image.symbols import functions, read_symbols, symbol_table
from cllm_gen.source import SpecError
from cllm_gen.spec.load import load_appliances
from tests.targets import BARE

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def appliance():
    return load_appliances(ROOT)[0]


@pytest.fixture(scope="module", params=BARE)
def image(request, appliance):
    return compile_image(ROOT, request.param, appliance)


def tool(*command: object) -> str:
    return subprocess.run(
        list(map(str, command)), check=True, capture_output=True, text=True
    ).stdout


def test_image_is_a_32_bit_elf_that_multiboot_loaders_take(image):
    raw = image.image.read_bytes()
    assert raw[:5] == b"\x7fELF\x01" and struct.unpack_from("<H", raw, 18)[0] == 3
    found = [at for at in range(0, 8192, 4) if raw[at : at + 4] == struct.pack("<I", 0x1BADB002)]
    assert len(found) == 1
    assert sum(struct.unpack_from("<III", raw, found[0])) % 2**32 == 0, "checksum"


def test_no_segment_is_writable_and_executable(image):
    flags = re.findall(
        r"^ *LOAD .* ([R ][W ][E ]) 0x", tool("readelf", "-lW", image.image), re.MULTILINE
    )
    assert sorted(flags) == ["R  ", "R E", "RW "]


def test_groups_begin_on_pages(image, appliance):
    at = {symbol.name: symbol.address for symbol in read_symbols(ROOT, image.symbols)}
    assert at["layout_image_start"] == appliance.memory.load_address
    for name in (
        "text_end",
        "rodata_end",
        "main_guard",
        "main_stack",
        "fault_guard",
        "fault_stack",
    ):
        assert at[f"layout_{name}"] % 4096 == 0, name
    assert at["layout_main_stack"] - at["layout_main_guard"] == 4096
    assert at["layout_main_stack_top"] - at["layout_main_stack"] == appliance.memory.stack


def test_embedded_table_names_every_function(image):
    """Read back out of the image that boots, not out of the linker's symbols."""
    section = ROOT / "build" / "table.bin"
    tool("objcopy", "-O", "binary", "--only-section=.rodata", image.symbols, section)
    rodata = section.read_bytes()
    section.unlink()
    everything = read_symbols(ROOT, image.symbols)
    symbols = {symbol.name: symbol for symbol in everything}
    base = symbols["layout_text_end"].address
    count = struct.unpack_from("<I", rodata, symbols["symbol_count"].address - base)[0]
    names_at = symbols["symbol_names"].address - base
    table = {}
    for i in range(count):
        place = symbols["symbol_table"].address - base + 8 * i
        address, name = struct.unpack_from("<II", rodata, place)
        table[address] = rodata[names_at + name : rodata.index(b"\0", names_at + name)].decode()
    assert list(table) == sorted(table)
    expected = {symbol.address: symbol.name for symbol in functions(everything)}
    assert table == expected and table[symbols["kernel_main"].address] == "kernel_main"


def test_i386_image_is_32_bit_code_and_x86_64_image_is_not(image):
    text = tool("objdump", "-f", image.symbols)
    assert ("elf32-i386" if image.target.word_bits == 32 else "elf64-x86-64") in text


def test_only_the_targets_instruction_sets_are_inside(image, appliance):
    names = [symbol.name for symbol in read_symbols(ROOT, image.symbols)]
    inside = {
        match[1]
        for name in names
        if (match := re.fullmatch(r"(?:matmul|attention)_\w+?__([a-z0-9_]+)", name))
    }
    assert inside == {isa.name for isa in appliance.targets[image.target]}


def test_nothing_but_kernels_uses_wide_registers(image):
    """Ring 0 code outside the kernels may assume no more than SSE2."""
    current, wrong = "", set()
    for line in tool("objdump", "-d", "--no-show-raw-insn", image.symbols).splitlines():
        if match := re.match(r"^[0-9a-f]+ <(.+)>:", line):
            current = match[1]
        elif re.search(r"%[yz]mm", line) and "__" not in current:
            wrong.add(current)
    assert not wrong


def test_a_second_build_does_nothing(image, appliance):
    before = image.image.stat().st_mtime_ns
    compile_image(ROOT, image.target.name, appliance)
    assert image.image.stat().st_mtime_ns == before


def test_sizes_and_summary(image):
    sections = image.sections()
    assert sections[".text"] > 10_000 and sections[".bss"] > 64 * 1024
    loaded = sum(sections[name] for name in (".text", ".rodata", ".data"))
    assert loaded <= image.image.stat().st_size < loaded + 16_384
    assert image.image.stat().st_size < 1.5 * 2**20, "the promise about size without weights"
    largest = largest_symbols(ROOT, image.symbols, 3)
    assert largest[0].size >= largest[1].size >= largest[2].size > 0
    assert f"build/smollm2/{image.target.name}/image.elf" in image.summary()
    assert largest[0].name in image.summary()


def test_sanitizers_are_for_hosted_builds(appliance):
    with pytest.raises(BuildFailed, match="target i386 has no sanitizer memory; it allows none"):
        compile_image(ROOT, "i386", appliance, sanitize="memory")


def test_a_target_that_the_appliance_lacks_is_named(appliance):
    small = replace(appliance, targets={appliance.process: appliance.targets[appliance.process]})
    with pytest.raises(SpecError, match=r"smollm2 without target i386\n.*its targets: hosted"):
        compile_image(ROOT, "i386", small)


def test_what_clients_may_hold_must_fit_the_heap(appliance):
    many = replace(appliance.limits, connections=4 * appliance.limits.connections)
    with pytest.raises(
        SpecError, match=f"limits that let clients hold {many.held()} bytes of a heap"
    ):
        replace(appliance, limits=many)


def test_symbol_table_text():
    from cllm_gen.image.symbols import Symbol

    table = [Symbol(0x100000, "start", 5, "T"), Symbol(0x100010, "kernel_main", 9, "t")]
    text = symbol_table(table)
    assert ".long 0x100010, 6\n" in text and '.asciz "kernel_main"\n' in text
    assert ".long 2\n" in text
    names = functions(
        [*table, Symbol(0x100010, "zz_alias", 9, "T"), Symbol(0x200000, "data", 4, "D")]
    )
    assert [symbol.name for symbol in names] == ["start", "kernel_main"]
