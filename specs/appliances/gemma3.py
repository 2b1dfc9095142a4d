"""The second appliance: Gemma 3 270M behind the same API on the same machines. A base model: it goes on
with a text; its chats are a dialogue that it goes on with. Its weights come under Google's Gemma
terms."""

from cllm_gen.spec.appliance import Appliance

from specs.appliances.smollm2 import appliance as smollm2
from specs.models.gemma3_270m import model

appliance = Appliance(
    name="gemma3",
    summary="Gemma 3 270M behind an OpenAI-shaped API.",
    api=smollm2.api,
    model=model,
    devices=smollm2.devices,
    protocols=smollm2.protocols,
    targets={target: smollm2.targets["x86_64"] for target in ("x86_64", "hosted")},
    memory=smollm2.memory,
    limits=smollm2.limits,
)
