"""A device: the PCI ids it answers to, its register maps and the records it shares with memory, in the
notation of datasheets (cllm_gen/notation/register.lark)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cllm_gen.notation.names import c_name
from cllm_gen.notation.register import read_registers
from cllm_gen.notation.register_map import Condition, Register
from cllm_gen.source import Span, SpecError, caller_span

KINDS = ("bus", "console", "network")
"""What drivers are for."""


@dataclass(frozen=True)
class Registers:
    """Registers reached by one bus. `bus` is "memory" (MMIO of 32 bits), "ports" (base + offset) or
    "configuration" (PCI configuration space). `prefix` stands between device and register name."""

    text: str
    bus: str
    width: int = 32
    prefix: str = ""
    title: str = "Registers"
    span: Span = field(default_factory=caller_span)
    registers: tuple[Register, ...] = field(init=False)

    def __post_init__(self) -> None:
        if self.bus not in ("memory", "ports", "configuration"):
            raise SpecError(
                self.span, f"bus {self.bus!r}", "memory, ports or configuration", 'bus="memory"'
            )
        registers = read_registers(self.text, self.span, self.width)
        object.__setattr__(self, "registers", registers)
        _names(registers)
        for each in registers:
            if self.bus == "memory" and each.width != 32:
                raise SpecError(
                    each.span,
                    f"{each.name} of {each.width} bits in memory",
                    "32 bits",
                    "CTRL (00000h; R/W)",
                )
            if each.width == 64:
                raise SpecError(
                    each.span, f"{each.name} of 64 bits", "8, 16 or 32 bits", "CTRL (00000h; R/W)"
                )
            if each.when:
                self._exists(each, each.when)
        self._apart(registers)

    @property
    def between(self) -> str:
        """What stands in C between the device's name and a register's; may be empty."""
        return self.prefix

    def _exists(self, register: Register, when: Condition) -> None:
        fields = {(r.name, f.name): f for r in self.registers for f in r.fields}
        found = fields.get((when.register, when.field))
        if found is None or when.value >> found.bits:
            raise SpecError(
                register.span,
                f"when {when.register}.{when.field} = {when.value}",
                "a field of this map and a value that fits it",
                "DLL (0; R/W; 8 bits; when LCR.DLAB = 1)",
            )

    @staticmethod
    def _apart(registers: tuple[Register, ...]) -> None:
        """No two registers answer the same read, or take the same write, at one address."""
        for reads in (True, False):
            owner: dict[tuple, Register] = {}
            for each in registers:
                if not (each.access.reads if reads else each.access.writes):
                    continue
                for index in range(each.count or 1):
                    at = each.offset + index * (each.stride or 0)
                    for byte in range(at, at + each.width // 8):
                        other = owner.setdefault((byte, each.when), each)
                        if other is not each:
                            raise SpecError(
                                each.span,
                                f"{each.name} at {at:#x}, where {other.name} is",
                                f"one register to {'read' if reads else 'write'} at an address, or a `when`",
                                "DLL (0; R/W; 8 bits; when LCR.DLAB = 1)",
                            )


@dataclass(frozen=True)
class Record:
    """A structure in memory that the device reads or writes: a descriptor. Its words are declared
    like registers and lie side by side without gaps."""

    name: str
    text: str
    title: str
    span: Span = field(default_factory=caller_span)
    registers: tuple[Register, ...] = field(init=False)

    def __post_init__(self) -> None:
        registers = read_registers(self.text, self.span, 32)
        object.__setattr__(self, "registers", registers)
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name) or not registers:
            raise SpecError(
                self.span,
                f"record {self.name!r} of {len(registers)} words",
                "a C name and words",
                'Record("rx_descriptor", ...)',
            )
        _names(registers)
        at = 0
        for each in registers:
            if each.offset != at or each.count is not None or each.when is not None:
                raise SpecError(
                    each.span,
                    f"{each.name} at {each.offset}",
                    f"the next word, at {at}, side by side with the last",
                    "LENGTH (8; R; 16 bits)",
                )
            at += each.width // 8

    @property
    def between(self) -> str:
        """What stands in C between the device's name and a word's."""
        return self.name

    @property
    def size(self) -> int:
        return self.registers[-1].offset + self.registers[-1].width // 8


@dataclass(frozen=True)
class PciId:
    """One vendor:device pair."""

    vendor: int
    device: int
    name: str
    note: str = ""
    span: Span = field(default_factory=caller_span)

    def __post_init__(self) -> None:
        for number in (self.vendor, self.device):
            if not 0 <= number <= 0xFFFF:
                raise SpecError(
                    self.span, f"PCI id {number:#x}", "16 bits", 'PciId(0x8086, 0x100E, "82540EM")'
                )


@dataclass(frozen=True)
class Driver:
    """What drives a device: `file`.c in kernel_static/drivers/, or every file in the folder of that name.
    `kind` says what for. The one for a network defines bool <file>_start(struct nic **) for
    kernel_static/drivers/nic.c to call."""

    file: str
    kind: str
    span: Span = field(default_factory=caller_span)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.file):
            raise SpecError(
                self.span,
                f"driver {self.file!r}",
                "a file of kernel_static/drivers/ without its folder and ending",
                'Driver("e1000", "network")',
            )
        if self.kind not in KINDS:
            raise SpecError(
                self.span,
                f"a driver for {self.kind!r}",
                f"one of {', '.join(KINDS)}",
                'Driver("e1000", "network")',
            )


@dataclass(frozen=True)
class Device:
    """One device as its datasheet describes it. `source` names the datasheet and its revision;
    `emulated` is what QEMU calls devices that the driver drives, best first."""

    name: str
    title: str
    source: str
    parts: Sequence[Registers | Record]
    ids: Sequence[PciId] = ()
    driver: Driver | None = None
    emulated: Sequence[str] = ()
    span: Span = field(default_factory=caller_span)

    @property
    def is_network(self) -> bool:
        """Whether packets go through it."""
        return self.driver is not None and self.driver.kind == "network"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise SpecError(
                self.span, f"device name {self.name!r}", "a lower-case C identifier", 'name="e1000"'
            )
        seen: dict[tuple[int, int], PciId] = {}
        for each in self.ids:
            if (each.vendor, each.device) in seen:
                raise SpecError(
                    each.span,
                    f"PCI id {each.vendor:04x}:{each.device:04x} twice",
                    "each id once",
                    'PciId(0x8086, 0x100E, "82540EM")',
                )
            seen[each.vendor, each.device] = each
        names: set[str] = set()
        for part in self.parts:
            prefix = f"{part.between}_" if part.between else ""
            for register in part.registers:
                name = prefix + c_name(register.name)
                if name in names:
                    raise SpecError(
                        register.span,
                        f"{name} in two parts of {self.name}",
                        "each name once, or a prefix for one part",
                        'Registers(..., prefix="bridge")',
                    )
                names.add(name)


def _names(registers: tuple[Register, ...]) -> None:
    names: set[str] = set()
    for each in registers:
        if c_name(each.name) in names:
            raise SpecError(
                each.span, f"a second register {each.name}", "each name once", "CTRL (00000h; R/W)"
            )
        names.add(c_name(each.name))
