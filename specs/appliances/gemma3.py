"""The second appliance: Gemma 3 270M behind the same API on the same machines. A base model: it goes on
with a text; its chats are a dialogue that it goes on with. Its weights come under Google's Gemma
terms."""

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
from specs.isa.word64 import word64
from specs.models.gemma3_270m import model
from specs.protocols.arp import arp
from specs.protocols.dhcp import dhcp
from specs.protocols.ethernet import ethernet
from specs.protocols.icmp import icmp
from specs.protocols.ipv4 import ipv4
from specs.protocols.tcp import tcp
from specs.protocols.udp import udp
from specs.surfaces.openai import openai
from specs.targets.hosted import hosted
from specs.targets.x86_64 import x86_64

_SETS = [word64, sse2, ssse3, avx2, avx_vnni, avx512, avx512_bf16, amx]

appliance = Appliance(
    name="gemma3",
    summary="Gemma 3 270M behind an OpenAI-shaped API.",
    api=openai,
    model=model,
    devices=[e1000, uart16550, pci],
    protocols=[ethernet, arp, ipv4, icmp, udp, dhcp, tcp],
    targets={x86_64: _SETS, hosted: _SETS},
    memory=MemoryMap(heap=24 * MIB),
    limits=Limits(connections=128, body_bytes=1 * MIB),
)
