"""A PC with a 32-bit processor that has SSE2 and PAE, booted by any Multiboot loader."""

from cllm_gen.spec.target import Target
from specs.isa.sse2 import sse2
from specs.isa.ssse3 import ssse3
from specs.isa.word32 import word32
from specs.targets import _pc

i386 = Target(
    name="i386",
    summary="32-bit PCs, Multiboot",
    word_bits=32,
    compiler="gcc",
    flags=(*_pc.FLAGS, "-m32", "-march=i686", "-msse2", "-mfpmath=sse"),
    folders=(*_pc.FOLDERS, "arch/i386"),
    headers=("arch/x86", "cpu/x86", "arch/i386"),
    libc=_pc.LIBC,
    devices=_pc.DEVICES,
    protocols=_pc.PROTOCOLS,
    layout=_pc.layout("elf_i386"),
    loader=_pc.qemu("qemu-system-i386"),
    sets=(word32, sse2, ssse3),
)
