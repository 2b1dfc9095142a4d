"""Every output of an appliance: each part's own lowering, and the header of limits and addresses."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable
from dataclasses import fields

from cllm_gen.lower import device, protocol, served
from cllm_gen.lower.api import outputs as api
from cllm_gen.lower.model import outputs as model
from cllm_gen.lower.output import Output
from cllm_gen.spec.appliance import Appliance


def appliance_outputs(appliance: Appliance) -> list[Output]:
    """The header that carries the appliance's limits, memory map and choice of parts."""
    docs = {f.name: _docstring(type(appliance.limits), f.name) for f in fields(appliance.limits)}
    context = {
        "appliance": appliance,
        "cite": appliance.span.cite(),
        "limits": [
            {
                "name": f.name.upper(),
                "value": getattr(appliance.limits, f.name),
                "doc": docs[f.name],
            }
            for f in fields(appliance.limits)
        ],
        "keys": ",".join(appliance.keys),
        "origins": ",".join(appliance.origins),
        "memory": [
            {
                "name": f.name.upper(),
                "value": getattr(appliance.memory, f.name),
                "doc": _docstring(type(appliance.memory), f.name),
            }
            for f in fields(appliance.memory)
        ],
    }
    return [
        Output(
            path=f"appliances/{appliance.name}/appliance.h",
            template="appliance.h.j2",
            context=context,
            specs=[appliance.span.path],
            parameters={"appliance": appliance.name},
        )
    ]


def _docstring(owner: type, name: str) -> str:
    """The string literal below a dataclass field, which is its documentation."""
    (made,) = ast.parse(inspect.getsource(owner)).body
    assert isinstance(made, ast.ClassDef)
    for item, after in zip(made.body, made.body[1:]):
        named = isinstance(item, ast.AnnAssign) and ast.unparse(item.target) == name
        if named and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            return " ".join(str(after.value.value).split())
    return ""


def outputs(appliances: Iterable[Appliance]) -> list[Output]:
    """Outputs of all appliances; parts that two appliances share come out once (same path and
    text), which `emit.tree.texts` enforces."""
    appliances = list(appliances)
    found = api.surface_outputs(each.surface for each in appliances)
    for appliance in appliances:
        found += appliance_outputs(appliance)
        found += [output for spec in appliance.devices for output in device.outputs(spec)]
        found += device.drivers(appliance)
        found += [output for spec in appliance.protocols for output in protocol.outputs(spec)]
        found += model.outputs(appliance.model, appliance.sets, appliance.kv_cache)
        found += served.outputs(appliance)
    return found
