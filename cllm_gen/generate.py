"""Specs to `generated/`: load, check, lower, emit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cllm_gen.check.drivers import check_drivers
from cllm_gen.check.handlers import check_handlers
from cllm_gen.emit import tree
from cllm_gen.lower import metrics
from cllm_gen.lower.appliance import outputs
from cllm_gen.spec.api import Api
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.load import load_appliances, load_metrics


def generate(root: Path, appliance: str | None, wrote: Callable[[str], None]) -> None:
    """Writes what changed, calling `wrote` with each path below generated/. With `appliance`,
    files that only other appliances need are left as they are. Raises SpecError before anything is
    written; a handler that is missing is reported (MissingHandlers) after writing, since its
    prototype is generated."""
    appliances = load_appliances(root, appliance)
    check_drivers(root, appliances)
    wanted = tree.texts([*outputs(appliances), *metrics.outputs(load_metrics(root))])
    if appliance is not None:
        wanted = {**tree.on_disk(root), **wanted}
    for path in tree.write(root, wanted, _register_types(appliances)):
        wrote(path)
    check_handlers(root, _families(appliances))


def staleness(root: Path) -> str:
    """A unified diff from `generated/` to what the specs say; empty when fresh."""
    appliances = load_appliances(root)
    check_drivers(root, appliances)
    check_handlers(root, _families(appliances))
    wanted = tree.texts([*outputs(appliances), *metrics.outputs(load_metrics(root))])
    return tree.difference(root, wanted)


def _register_types(appliances: list[Appliance]) -> list[str]:
    """Types that the headers of instruction sets declare."""
    return sorted({name for each in appliances for isa in each.sets for name in isa.c_types})


def _families(appliances: list[Appliance]) -> list[Api]:
    return [family for each in appliances for family in each.surface.families]
