"""What bare images for PCs have in common, whatever the width of their words."""

from cllm_gen.spec.target import Layout, Qemu

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
FOLDERS = ("arch/x86", "cpu/x86", "drivers", "libc", "net", "platform/pc")
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
