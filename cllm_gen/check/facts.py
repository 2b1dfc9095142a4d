"""Specs as flat facts: a name for each thing a reviewer can point at, and what is true of it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.device import Device
from cllm_gen.spec.metric import Metrics
from cllm_gen.spec.protocol import Protocol

Facts = dict[str, str]


def device_facts(device: Device) -> Facts:
    """Registers, their fields and the values those may take."""
    facts: Facts = {
        f"{device.name} id {each.name}": f"{each.vendor:04x}:{each.device:04x}"
        for each in device.ids
    }
    for part in device.parts:
        for register in part.registers:
            name = f"{device.name} {register.name}"
            array = f", {register.count} of stride {register.stride}" if register.count else ""
            reset = "" if register.reset is None else f", reset {register.reset:#x}"
            facts[name] = (
                f"offset {register.offset:#x}, {register.access.value}, {register.width} bits{array}{reset}"
            )
            for field in register.fields:
                access = f", {field.access.value}" if field.access else ""
                facts[f"{name}.{field.name}"] = f"bits {field.high}:{field.low}{access}"
                for value in field.values:
                    facts[f"{name}.{field.name}={value.name}"] = f"{value.number:#x}"
    return facts


def protocol_facts(protocol: Protocol) -> Facts:
    """Header fields and options."""
    facts: Facts = {}
    for field in protocol.layout.fields:
        name = f"{protocol.name} {field.name}"
        must = "" if field.must_be is None else f", must be {field.must_be:#x}"
        facts[name] = f"bit offset {field.offset}, {field.bits} bits{must}"
        for value in field.values:
            facts[f"{name}={value.name}"] = f"{value.number:#x}"
        for bit in field.bit_names:
            facts[f"{name}.{bit.name}"] = f"bit {bit.position}"
    for option in protocol.layout.options:
        parts = " ".join(f"{part.name}:{part.bits}" for part in option.parts)
        facts[f"{protocol.name} option {option.name}"] = (
            f"number {option.number}, {option.shape} {parts}".strip()
        )
    return facts


def model_facts(model: Any) -> Facts:
    """Hyper-parameters and where the weights come from."""
    names = ("title", "width", "layers", "vocabulary", "context")
    facts = {f"{model.name} {name}": str(getattr(model, name)) for name in names}
    facts[f"{model.name} weights"] = str(model.weights.file)
    facts[f"{model.name} chat template"] = repr(model.chat_template)
    for pattern, kind in model.types.items():
        facts[f"{model.name} type of {pattern}"] = kind
    return facts


def appliance_facts(appliance: Appliance) -> Facts:
    """Limits, memory map and instruction sets."""
    facts: Facts = {}
    for part in ("limits", "memory"):
        value = getattr(appliance, part)
        for each in fields(value):
            facts[f"{appliance.name} {part}.{each.name}"] = str(getattr(value, each.name))
    for target, sets in appliance.targets.items():
        facts[f"{appliance.name} instruction sets of {target.name}"] = ", ".join(
            each.name for each in sets
        )
    return facts


def metric_facts(group: Metrics) -> Facts:
    """What the page shows: each family's type and labels."""
    facts: Facts = {}
    for each in group.families:
        labels = ", ".join([*getattr(each, "values", ()), *getattr(each, "labels", ())])
        for name in each.shown:
            facts[name] = each.type + (f" by {labels}" if labels else "")
    return facts


def compare(old: Facts, new: Facts) -> list[str]:
    """One Markdown list item for each fact that was added, removed or changed."""
    lines = [f"- `{name}` removed (was {old[name]})" for name in old if name not in new]
    for name, fact in new.items():
        if name not in old:
            lines.append(f"- `{name}` added: {fact}")
        elif old[name] != fact:
            lines.append(f"- `{name}` was {old[name]}, is {fact}")
    return lines
