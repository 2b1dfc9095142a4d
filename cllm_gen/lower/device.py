"""Register maps to `devices/<name>.h` and `.md`: names, masks, accessors and the register page."""

from __future__ import annotations

from typing import Any

from cllm_gen.lower.output import Output
from cllm_gen.notation.names import c_name
from cllm_gen.notation.register_map import Field, Register
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.device import Device, Record, Registers

_BUS = {  # bus: (parameter, its type when reading, when writing, read call, write call)
    "memory": ("base", "const volatile void *", "volatile void *", "mmio_read", "mmio_write"),
    "ports": ("base", "uint16_t ", "uint16_t ", "io_in", "io_out"),
    "configuration": (
        "function",
        "struct pci_address ",
        "struct pci_address ",
        "pci_read",
        "pci_write",
    ),
}


def outputs(spec: Device) -> list[Output]:
    """The C header and the register page of one device."""
    context = _context(spec)
    specs, parameters = [spec.span.path], {"device": spec.name}
    return [
        Output(f"devices/{spec.name}.{suffix}", f"device.{suffix}.j2", context, specs, parameters)
        for suffix in ("h", "md")
    ]


def drivers(appliance: Appliance) -> list[Output]:
    """The table of the drivers that are asked for a network device, where images drive devices."""
    if not any(target.devices for target in appliance.targets):
        return []
    asked: dict[str, dict[str, str]] = {}
    for each in appliance.network_devices:
        if each.driver:
            asked.setdefault(
                each.driver.file,
                {"file": each.driver.file, "title": each.title, "cite": each.span.cite()},
            )
    return [
        Output(
            f"appliances/{appliance.name}/drivers.c",
            "drivers.c.j2",
            {"drivers": list(asked.values()), "cite": appliance.span.cite("devices")},
            [appliance.span.path, *(each.span.path for each in appliance.network_devices)],
            {"appliance": appliance.name},
        )
    ]


def _context(spec: Device) -> dict[str, Any]:
    buses = {part.bus for part in spec.parts if isinstance(part, Registers)}
    includes = [
        *(["arch_io.h"] if buses & {"memory", "ports"} else []),
        *(["pci_config.h"] if spec.ids or "configuration" in buses else []),
    ]
    return {
        "d": spec.name,
        "upper": spec.name.upper(),
        "title": spec.title,
        "source": spec.source,
        "cite": spec.span.cite(),
        "includes": includes,
        "ids": [
            {
                "vendor": f"0x{each.vendor:04x}",
                "device": f"0x{each.device:04x}",
                "name": each.name,
                "note": each.note,
                "cite": each.span.cite(f'"{each.name}"'),
                "said": f"{each.vendor:04x}:{each.device:04x}",
            }
            for each in spec.ids
        ],
        "parts": [_part(spec, part) for part in spec.parts],
        "buses": sorted(buses),
    }


def _part(spec: Device, part: Registers | Record) -> dict[str, Any]:
    prefix = f"{spec.name}_{part.between}" if part.between else spec.name
    return {
        "record": isinstance(part, Record),
        "c": prefix,
        "title": part.title,
        "cite": part.span.cite(f'"{part.name}"' if isinstance(part, Record) else ""),
        "size": part.size if isinstance(part, Record) else 0,
        "registers": [_register(prefix, part, each) for each in part.registers],
    }


def _register(prefix: str, part: Registers | Record, register: Register) -> dict[str, Any]:
    name = f"{prefix}_{c_name(register.name)}"
    macro = name.upper()
    at = f"{macro}_OFFSET"
    offset = f"{at} + index * {macro}_STRIDE" if register.count else at
    shown = {
        "name": register.name + (f"[{register.count}]" if register.count else ""),
        "c": name,
        "member": c_name(register.name),
        "macro": macro,
        "note": register.note,
        "meaning": _meaning(register),
        "cite": register.span.cite(),
        "offset": (
            f"0x{register.offset:05x}" if register.offset > 0xFFF else f"0x{register.offset:02x}"
        ),
        "place": _place(register),
        "access": register.access.value,
        "reads": register.access.reads and isinstance(part, Registers),
        "writes": register.access.writes and isinstance(part, Registers),
        "width": register.width,
        "type": f"uint{register.width}_t",
        "count": register.count,
        "stride": register.stride,
        "index": ", size_t index" if register.count else "",
        "reset": _hex(register.initial, register.width) if register.initial is not None else "",
        "shown_reset": (
            "" if register.initial is None else f"{register.initial:0{register.width // 4}X}h"
        ),
        "fields": [_field(name, register, each) for each in register.fields],
    }
    if isinstance(part, Registers):
        shown |= _calls(part.bus, register.width, offset)
    return shown


def _calls(bus: str, width: int, offset: str) -> dict[str, str]:
    """Parameters and expressions of one register's read and write."""
    parameter, reading, writing, read, write = _BUS[bus]
    where = {
        "memory": f"base, {offset}",
        "ports": f"(uint16_t)(base + {offset})",
        "configuration": (
            f"function, (uint8_t)({offset})" if "index" in offset else f"function, {offset}"
        ),
    }[bus]
    return {
        "read_parameter": f"{reading}{parameter}",
        "write_parameter": f"{writing}{parameter}",
        "read": f"{read}{width}({where})",
        "write": f"{write}{width}({where}, value)",
    }


def _field(owner: str, register: Register, field: Field) -> dict[str, Any]:
    name = f"{owner}_{c_name(field.name)}"
    access = field.access or register.access
    mask = ((1 << field.bits) - 1) << field.low
    kind = f"uint{register.width}_t"
    return {
        "name": field.name,
        "c": name,
        "macro": name.upper(),
        "note": field.note,
        "cite": field.span.cite(),
        "bits": f"{field.high}:{field.low}" if field.bits > 1 else f"{field.high}",
        "shift": field.low,
        "mask": _hex(mask, register.width),
        "access": access.value,
        "reads": access.reads,
        "writes": access.writes,
        "initial": "X" if field.initial is None else _binary(field.initial, field.bits),
        "meaning": " ".join(
            [
                field.note,
                *(f"{_binary(each.number, field.bits)} = {each.name};" for each in field.values),
            ]
        )
        .strip()
        .rstrip(";"),
        "type": "bool" if field.bits == 1 else kind,
        "getter": _get(name.upper(), field, register.width),
        "setter": _set(name.upper(), field, register.width),
        "named": [
            {
                "macro": f"{name}_{c_name(each.name)}".upper(),
                "number": each.number,
                "name": each.name,
                "note": each.note,
            }
            for each in field.values
        ],
    }


def _narrow(expression: str, width: int) -> str:
    """The expression in the register's own type, where C would have widened it to int."""
    return expression if width >= 32 else f"(uint{width}_t)({expression})"


def _get(macro: str, field: Field, width: int) -> str:
    """The field's value out of `word`."""
    if field.bits == 1:
        return f"(word & {macro}_MASK) != 0"
    return _narrow(f"(word & {macro}_MASK) >> {macro}_SHIFT", width)


def _set(macro: str, field: Field, width: int) -> str:
    """`word` with the field replaced by the low bits of `value`."""
    if field.bits == 1:
        return _narrow(f"value ? word | {macro}_MASK : word & ~{macro}_MASK", width)
    wide = "value" if width >= 32 else "(unsigned)value"
    return _narrow(f"(word & ~{macro}_MASK) | ({wide} << {macro}_SHIFT & {macro}_MASK)", width)


def _binary(value: int, bits: int) -> str:
    """A field's value as the datasheet writes it: binary if short, else hexadecimal."""
    return f"{value:0{bits}b}b" if bits <= 4 else f"{value:0{(bits + 3) // 4}X}h"


def _hex(value: int, width: int) -> str:
    return f"0x{value:0{width // 4}x}" + ("ull" if width == 64 else "u")


def _meaning(register: Register) -> str:
    """The documentation, and on what condition the register is there."""
    when = register.when
    condition = f"(when {when.register}.{when.field} = {when.value})" if when else ""
    return f"{register.note} {condition}".strip()


def _place(register: Register) -> str:
    """The offset as the datasheet writes it."""
    text = f"{register.offset:X}"
    text = (text if text[0].isdigit() else "0" + text) + "h"
    return f"{text} + {register.stride}*n" if register.count else text
