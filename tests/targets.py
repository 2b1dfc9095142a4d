"""The targets of the default appliance, by name."""

from __future__ import annotations

from pathlib import Path

from cllm_gen.spec.load import load_appliances
from cllm_gen.spec.target import Target

TARGETS: dict[str, Target] = {
    each.name: each for each in load_appliances(Path(__file__).parent.parent)[0].targets
}
BARE = [name for name, target in TARGETS.items() if not target.is_process]
PROCESSES = [name for name, target in TARGETS.items() if target.is_process]
