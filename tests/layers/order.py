"""The order of layers, stated once: each row may import rows above it in these tables, and no other
member of its own row. README's architecture says the same in the same words."""

from __future__ import annotations

from dataclasses import dataclass

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
        "metrics": "what is counted while an appliance runs, and shown at /metrics",
        "models": "hyper-parameters, and the forward pass as Python over symbolic tensors",
    },
    {"surfaces": "families of routes that appliances serve together"},
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


@dataclass(frozen=True)
class Part:
    """A layer of the kernel: its files (as globs; generated ones count to those that they are linked
    with), and which headers of include/ are its own, for all above it to use. Other headers of its
    folders are for itself."""

    says: str
    files: str
    headers: str = ""


KERNEL: tuple[dict[str, Part], ...] = (
    {
        "limits": Part(
            "what an appliance's spec fixes, as constants (generated)",
            "generated/appliances/*/appliance.h",
        ),
        "contracts": Part(
            "what all may ask for, whoever supplies it: the machine, its CPUs, the log, the end, the transport",
            "",
            "platform.h side_stack.h processors.h log.h panic.h exit_port.h transport.h image.h",
        ),
        "libc": Part(
            "the libc subset, real numbers in decimal",
            "kernel_static/libc/* kernel_static/libc/include/*",
        ),
        "metrics": Part(
            "what is counted, by name (generated)",
            "generated/metrics/*",
            "metrics.h",
        ),
    },
    {"mem": Part("heap", "kernel_static/mem/*", "heap.h")},
    {
        "lib": Part(
            "text, JSON, buffers, arenas, random numbers, long work beside everything else",
            "kernel_static/lib/*",
            "text.h utf8.h word.h percent.h mathematics.h budget.h buffer.h arena.h json.h chacha20.h generator.h coroutine.h",
        )
    },
    {
        "runtime": Part(
            "log, command line, workers, faults, the page of metrics",
            "kernel_static/runtime/*",
            "command_line.h workers.h fault.h exposition.h vitals.h",
        ),
        "cpu": Part(
            "what a set of kernels needs of a CPU, and whether this one has it",
            "kernel_static/cpu/*/* generated/isa/*",
            "cpu_features.h",
        ),
        "arch": Part(
            "entry, descriptor tables, paging, traps; i386, x86_64, and what both share",
            "kernel_static/arch/*/*",
            "arch.h arch_io.h irq.h layout.h",
        ),
    },
    {
        "drivers": Part(
            "PCI, e1000, 16550, over generated register headers; devices that an appliance lists",
            "kernel_static/drivers/* kernel_static/drivers/*/* generated/devices/* generated/appliances/*/drivers.c",
            "pci.h pci_config.h nic.h uart.h",
        )
    },
    {
        "platform": Part(
            "pc/ (bare metal) and linux/ (a process): the target chooses",
            "kernel_static/platform/*/*",
        ),
        "net": Part(
            "Ethernet, ARP, IPv4, ICMP, UDP, DHCP, TCP: files are the layers",
            "kernel_static/net/* generated/protocols/*",
            "network_order.h",
        ),
        "http": Part(
            "HTTP/1.1 connections over the generated router and parsers",
            "kernel_static/http/*",
            "http.h route.h",
        ),
        "types": Part("bodies of requests and answers (generated)", "generated/api/*"),
        "engine": Part(
            "scheduler, jobs, KV cache, sampler, tokenizer; calls the generated forward pass",
            "kernel_static/engine/* generated/models/*/* generated/models/*/*/* generated/kernels/*/* generated/appliances/*/*.c",
            "engine.h sampling.h forward.h forward_pass.h kernels.h model.h model_image.h tokenizer.h pretokenizer.h unicode.h chat_text.h chat_template.h",
        ),
    },
    {"router": Part("routes to handlers (generated)", "generated/surfaces/*/api/*")},
    {
        "api": Part(
            "the handlers that specs name, each family's in a file of its name; what they share in shared/",
            "kernel_static/api/* kernel_static/api/shared/*",
        )
    },
    {"main.c": Part("the boot order and the main loop", "kernel_static/main.c")},
)
HOSTS = "kernel_static/platform/linux/"
"""The only folder that may use the headers of an operating system."""
FREESTANDING = "stdarg.h stdbool.h stddef.h stdint.h float.h cpuid.h"
"""Headers that come with the compiler, beside those of libc/include and of vector instructions."""
