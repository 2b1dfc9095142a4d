"""The first appliance: SmolLM2-135M-Instruct behind the whole API, on any PC with an e1000."""

from cllm_gen.spec.appliance import MIB, Appliance, Limits, MemoryMap
from specs.devices.e1000 import e1000
from specs.devices.pci import pci
from specs.devices.uart16550 import uart16550
from specs.isa.amx import amx
from specs.isa.avx2 import avx2
from specs.isa.avx512 import avx512
from specs.isa.avx512_bf16 import avx512_bf16
from specs.isa.avx_vnni import avx_vnni
from specs.isa.sse2 import sse2
from specs.isa.ssse3 import ssse3
from specs.isa.word32 import word32
from specs.isa.word64 import word64
from specs.models.smollm2_135m import model
from specs.protocols.arp import arp
from specs.protocols.dhcp import dhcp
from specs.protocols.ethernet import ethernet
from specs.protocols.icmp import icmp
from specs.protocols.ipv4 import ipv4
from specs.protocols.tcp import tcp
from specs.protocols.udp import udp
from specs.surfaces.openai import openai
from specs.targets.hosted import hosted
from specs.targets.i386 import i386
from specs.targets.x86_64 import x86_64

appliance = Appliance(
    name="smollm2",
    summary="SmolLM2-135M-Instruct behind an OpenAI-shaped API.",
    api=openai,
    model=model,
    devices=[e1000, uart16550, pci],
    protocols=[ethernet, arp, ipv4, icmp, udp, dhcp, tcp],
    targets={
        i386: [word32, sse2, ssse3],
        x86_64: [word64, sse2, ssse3, avx2, avx_vnni, avx512, avx512_bf16, amx],
        hosted: [word32, word64, sse2, ssse3, avx2, avx_vnni, avx512, avx512_bf16, amx],
    },
    memory=MemoryMap(heap=24 * MIB),
    default=True,
    limits=Limits(connections=128, body_bytes=1 * MIB),
)
