"""A target: what an image is compiled for, what of kernel_static/ is in it, how it is linked, loaded and
run, and what it can hold. A target is a spec, an arch/ and a platform/ folder, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cllm_gen.source import Span, SpecError, caller_span
from cllm_gen.spec.device import Device
from cllm_gen.spec.isa import InstructionSet
from cllm_gen.spec.protocol import Protocol

SANITIZERS = ("memory", "threads")
"""What an image can be made to watch itself for: addresses and undefined behaviour, or races."""


@dataclass(frozen=True)
class Layout:
    """How a bare image is linked. `script` is below kernel_static/ and preprocessed with the appliance's
    memory map; `emulation` is the linker's; `image` is the object format that the loader takes."""

    script: str
    emulation: str
    image: str


@dataclass(frozen=True)
class Qemu:
    """Loaded and run by QEMU: `command` emulates `machine`. `firmware` is a faster one than the
    machine's own, used where it is installed. `exit_device` ends the run with an exit code."""

    command: str
    machine: str
    firmware: str
    exit_device: str


@dataclass(frozen=True, eq=False)
class Target:
    """`layout` and `loader` are those of a bare image; without them an image is a process of the machine
    that builds it.

    word_bits  of addresses, and of the counters of RegisterFile
    compiler   compiles and assembles, with `flags`
    folders    below kernel_static/, beside those that every image has
    headers    folders below kernel_static/ whose headers every file may include
    libc       headers of the C library below kernel_static/; none: the compiler's own library
    devices    that its folders are written for. With any, images drive the machine's devices
               themselves: those and all others of their appliance; without, the host does
    protocols  that its folders are written for
    sets       instruction sets that it can hold
    sanitizers compiler flags of each of SANITIZERS that it allows
    default    this one is built where none is named
    """

    name: str
    summary: str
    word_bits: int
    compiler: str
    flags: Sequence[str]
    folders: Sequence[str]
    sets: Sequence[InstructionSet] = field(repr=False)
    headers: Sequence[str] = ()
    libc: str | None = None
    devices: Sequence[Device] = field(default=(), repr=False)
    protocols: Sequence[Protocol] = field(default=(), repr=False)
    layout: Layout | None = None
    loader: Qemu | None = None
    sanitizers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    default: bool = False
    span: Span = field(default_factory=caller_span)

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise SpecError(
                self.span, f"target name {self.name!r}", "a C identifier", 'name="x86_64"'
            )
        if self.word_bits not in (32, 64):
            raise SpecError(
                self.span, f"words of {self.word_bits} bits", "32 or 64 bits", "word_bits=64"
            )
        if (self.layout is None) != (self.loader is None):
            raise SpecError(
                self.span,
                f"{self.name} with {'a layout' if self.layout else 'a loader'} alone",
                "both for a bare image, neither for a process",
                'layout=Layout(...), loader=Qemu("qemu-system-x86_64", ...)',
            )
        for isa in self.sets:
            for file in isa.all_registers:
                if self.word_bits not in file.count:
                    raise SpecError(
                        self.span,
                        f"{isa.name} on {self.name}, whose words of {self.word_bits} bits come "
                        f"without registers {file.c_type}",
                        "sets whose registers the target has",
                        "sets=[word32, sse2]",
                    )
        for kind in self.sanitizers:
            if kind not in SANITIZERS:
                raise SpecError(
                    self.span,
                    f"sanitizer {kind!r}",
                    f"one of {', '.join(SANITIZERS)}",
                    'sanitizers={"threads": ["-fsanitize=thread"]}',
                )

    @property
    def is_process(self) -> bool:
        """Whether its images run as processes of this machine."""
        return self.loader is None
