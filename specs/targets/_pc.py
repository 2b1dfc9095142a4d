"""What bare images for PCs have in common, whatever the width of their words."""

from cllm_gen.spec.target import Layout, Qemu
from specs.devices.pci import pci
from specs.devices.uart16550 import uart16550
from specs.protocols.arp import arp
from specs.protocols.dhcp import dhcp
from specs.protocols.ethernet import ethernet
from specs.protocols.icmp import icmp
from specs.protocols.ipv4 import ipv4
from specs.protocols.tcp import tcp
from specs.protocols.udp import udp

FLAGS = (
    "-ffreestanding",
    "-fbuiltin",
    "-D_MM_MALLOC_H_INCLUDED",  # the compiler's headers of intrinsics ask for malloc
    "-fno-pic",
    "-fno-pie",
    "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables",
    "-fno-unwind-tables",
    "-fcf-protection=none",
    "-ffunction-sections",
    "-fdata-sections",
    "-mtune=generic",
)
FOLDERS = ("arch/x86", "cpu/x86", "libc", "net", "platform/pc")
DEVICES = (pci, uart16550)
PROTOCOLS = (ethernet, arp, ipv4, icmp, udp, dhcp, tcp)
LIBC = "libc/include"


def layout(emulation: str) -> Layout:
    """Multiboot loaders take ELF32, whatever the code in it is."""
    return Layout(script="arch/x86/image.ld", emulation=emulation, image="elf32-i386")


def qemu(command: str) -> Qemu:
    """QEMU loads Multiboot images itself. qboot does nothing that the kernel does not do itself."""
    return Qemu(
        command=command,
        machine="pc",
        firmware="qboot.rom",
        exit_device="isa-debug-exit,iobase=0xf4,iosize=4",
    )
