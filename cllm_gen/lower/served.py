"""What an image serves: for each target of an appliance the model and its sets of kernels, and the
instruction sets that these are for."""

from __future__ import annotations

from cllm_gen.lower.model import outputs as model
from cllm_gen.lower.output import Output
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.isa import InstructionSet


def outputs(appliance: Appliance) -> list[Output]:
    """`appliances/<appliance>/<target>.c`, and `isa/<set>.c` for every set of the targets."""
    found = []
    symbol = model.symbol(appliance.model, appliance.kv_cache)
    for target, sets in appliance.targets.items():
        found.append(
            Output(
                f"appliances/{appliance.name}/{target.name}.c",
                "served.c.j2",
                {
                    "appliance": appliance,
                    "target": target.name,
                    "cite": appliance.span.cite(),
                    "model": symbol,
                    "sets": [f"{symbol}__{isa.name}" for isa in sets],
                },
                [appliance.span.path],
                {"appliance": appliance.name, "target": target.name},
            )
        )
        found += [instruction_set(isa) for isa in sets]
    return found


def instruction_set(isa: InstructionSet) -> Output:
    """What a CPU must have for a set."""
    specs = dict.fromkeys(level.span.path for level in isa.chain)
    return Output(
        f"isa/{isa.name}.c",
        "instruction_set.c.j2",
        {"isa": isa, "features": isa.all_features},
        list(specs),
        {"instruction_set": isa.name},
    )
