"""The order of layers, stated once: each row may import rows above it in these tables, and no other
member of its own row. README's architecture says the same in the same words."""

from __future__ import annotations

Rows = tuple[dict[str, str], ...]

COMPILER: Rows = (
    {
        "source": "where a spec says something, and how an error about it reads",
        "unicode": "general categories of characters",
    },
    {
        "notation": "a lark grammar for each notation, with the reader that makes objects of its text"
    },
    {"spec": "the vocabulary: frozen dataclasses in which an illegal spec cannot be constructed"},
    {
        "schedule": "what specs and lowering share: kernel programs, terms, tiles, KV and weight layouts"
    },
    {"lower": "all decisions: names, order, sizes, tracing, memory planning"},
    {
        "emit": "templates, and the one function that touches generated/: banner, parse, format, write",
        "weights": "GGUF in, packed model image out; tokenizer tables; model import",
    },
    {
        "check": "rules across specs; what a change means (`cllm-gen diff`)",
        "image": "compile, link, inspect",
    },
    {
        "generate": "specs to generated/: load, check, lower, emit",
        "machine": "run an image under QEMU or as a process",
    },
    {"bench": "the engine beside its peers, and what this machine allows"},
    {"explain": "what a generated kernel costs, and what bounds it"},
    {"cli": "the verbs; no logic"},
)

SPECS: Rows = (
    {
        "devices": "PCI ids and register maps in the datasheet's notation",
        "protocols": "wire headers in the RFC's notation",
        "isa": "vector instruction sets: every instruction's intrinsic beside its meaning",
        "api": "routes with their request, response and stream schemas",
        "models": "hyper-parameters, and the forward pass as Python over symbolic tensors",
    },
    {"schedules": "how instruction sets compute: steps that kernels are built of"},
    {
        "kernels": "algorithms in index notation, each with the schedule that every instruction set has for it"
    },
    {
        "targets": "what an image is compiled for: compiler, folders, linker layout, loader, the sets it can hold"
    },
    {"appliances": "api + model + devices + memory map + limits + instruction sets = one image"},
)
SPECS_MAY_IMPORT = ("cllm_gen.spec", "cllm_gen.schedule")
"""All that a spec knows of the compiler."""
