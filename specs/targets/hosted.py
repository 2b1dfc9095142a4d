"""A Linux process over the host's sockets: the same C but for arch/, platform/ and what lies below
the transport. Where the code meets sanitizers, profilers and honest benchmarks."""

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

hosted = Target(
    name="hosted",
    summary="a Linux process",
    word_bits=64,
    compiler="gcc",
    flags=("-m64", "-mtune=generic", "-pthread"),
    folders=("cpu/x86", "platform/linux"),
    headers=("cpu/x86",),
    sets=(word32, word64, sse2, ssse3, avx2, avx_vnni, avx512, avx512_bf16, amx),
    sanitizers={
        "memory": ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"),
        "threads": ("-fsanitize=thread",),
    },
)
