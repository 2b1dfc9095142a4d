"""Compiles generated wire headers so that Python can call every function in them."""

from __future__ import annotations

import ctypes
import importlib
from pathlib import Path

from cllm_gen.notation.names import c_name
from cllm_gen.spec.protocol import Protocol
from tests.native import library

NAMES = ("ethernet", "arp", "ipv4", "icmp", "udp", "dhcp", "tcp")


def spec(name: str) -> Protocol:
    return getattr(importlib.import_module(f"specs.protocols.{name}"), name)


def accessible(protocol: Protocol):
    """Fields that have a getter and a setter."""
    return [f for f in protocol.layout.fields if not f.reserved and f.must_be is None]


def shim(protocol: Protocol) -> str:
    """C that gives the header's inline functions external names and one calling convention."""
    p = protocol.name
    lines = [
        f'#include "protocols/{p}.h"',
        "",
        "_Bool test_check(const uint8_t *b, size_t n, size_t *size) {",
    ]
    lines += [
        f"    struct {p}_view v = {{0, 0}};",
        f"    _Bool ok = {p}_check(b, n, &v);",
        "    *size = v.size;",
    ]
    lines += [
        "    return ok && v.bytes == b;",
        "}",
        f"void test_start(uint8_t *b) {{ {p}_start(b); }}",
    ]
    for field in accessible(protocol):
        name = c_name(field.name)
        view = f"(struct {p}_view){{b, n}}"
        if field.octets:
            lines.append(
                f"void get_{name}(const uint8_t *b, size_t n, uint8_t *out) "
                f"{{ memcpy(out, {p}_{name}({view}), {p.upper()}_{name.upper()}_SIZE); }}"
            )
            lines.append(
                f"void set_{name}(uint8_t *b, const uint8_t *v) {{ {p}_set_{name}(b, v); }}"
            )
        else:
            kind = next(size for size in (8, 16, 32, 64) if field.bits <= size)
            lines.append(
                f"uint64_t get_{name}(const uint8_t *b, size_t n) {{ return {p}_{name}({view}); }}"
            )
            lines.append(
                f"void set_{name}(uint8_t *b, uint64_t v) {{ {p}_set_{name}(b, (uint{kind}_t)v); }}"
            )
    if protocol.layout.rest != "message":
        lines.append(
            f"size_t test_payload(const uint8_t *b, size_t n, size_t *size) {{ struct {p}_view v = {{b, n}};"
            f" *size = {p}_payload_size(v); return (size_t)({p}_payload(v) - b); }}"
        )
    return "\n".join(lines) + "\n"


def load(folder: Path, name: str) -> ctypes.CDLL:
    """The shim of one protocol, with the undefined-behaviour sanitizer."""
    source = folder / f"{name}_shim.c"
    source.write_text(shim(spec(name)))
    lib = library(folder, [str(source)])
    for field in accessible(spec(name)):
        if not field.octets:
            getattr(lib, f"get_{c_name(field.name)}").restype = ctypes.c_uint64
    lib.test_check.restype = ctypes.c_bool
    if hasattr(lib, "test_payload"):
        lib.test_payload.restype = ctypes.c_size_t
    return lib
