"""The targets of the default appliance, by name."""

from __future__ import annotations

from pathlib import Path

from cllm_gen.spec.load import load_appliances
from cllm_gen.spec.target import Target

_SETS = load_appliances(Path(__file__).parent.parent)[0].targets
TARGETS: dict[str, Target] = {each.name: each for each in _SETS}
BARE = [name for name, target in TARGETS.items() if not target.is_process]
PROCESSES = [name for name, target in TARGETS.items() if target.is_process]


def least_set(name: str) -> str:
    """The least capable set of kernels that a target's image has, which every CPU of it can run."""
    return _SETS[TARGETS[name]][0].name
