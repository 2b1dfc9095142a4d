"""A PC with a 64-bit processor, booted by any Multiboot loader; the kernel enters long mode itself."""

from cllm_gen.spec.target import Target
from specs.isa.amx import amx
from specs.isa.avx2 import avx2
from specs.isa.avx512 import avx512
from specs.isa.avx512_bf16 import avx512_bf16
from specs.isa.avx_vnni import avx_vnni
from specs.isa.sse2 import sse2
from specs.isa.ssse3 import ssse3
from specs.isa.word32 import word32
from specs.isa.word64 import word64
from specs.targets import _pc

x86_64 = Target(
    name="x86_64",
    summary="64-bit PCs, Multiboot",
    word_bits=64,
    compiler="gcc",
    flags=(*_pc.FLAGS, "-m64", "-mno-red-zone"),
    folders=(*_pc.FOLDERS, "arch/x86_64"),
    headers=("arch/x86", "cpu/x86", "arch/x86_64"),
    libc=_pc.LIBC,
    devices=_pc.DEVICES,
    protocols=_pc.PROTOCOLS,
    layout=_pc.layout("elf_x86_64"),
    loader=_pc.qemu("qemu-system-x86_64"),
    sets=(word32, word64, sse2, ssse3, avx2, avx_vnni, avx512, avx512_bf16, amx),
    default=True,
)
