"""What a spec change means, in words: the specs of a git revision against those of the work tree."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Sequence

from cllm_gen.check.compatibility import compare_apis
from cllm_gen.check.facts import (
    Facts,
    appliance_facts,
    compare,
    device_facts,
    model_facts,
    protocol_facts,
)
from cllm_gen.emit import tree
from cllm_gen.lower.appliance import outputs
from cllm_gen.lower.kernel import load_kernels, trace_all
from cllm_gen.lower.model import lowered
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.load import NoProject, load_appliances
from cllm_gen.spec.source import SpecError


class Meaning:
    """Everything that the specs below one root say, section by section."""

    def __init__(self, root: Path):
        appliances = load_appliances(root)
        self.texts = tree.texts(outputs(appliances))
        self.api = json.loads(self.texts["api/openapi.json"])
        self.sections: dict[str, Facts] = {
            "Devices": _merged(device_facts(each) for a in appliances for each in a.devices),
            "Wire formats": _merged(
                protocol_facts(each) for a in appliances for each in a.protocols
            ),
            "Models": _merged(model_facts(a.model) for a in appliances),
            "Kernels": _merged(_kernel_facts(root, a, self.texts) for a in appliances),
            "Limits, memory map and targets": _merged(appliance_facts(a) for a in appliances),
        }


def _merged(parts) -> Facts:
    return {name: fact for part in parts for name, fact in part.items()}


def _kernel_facts(root: Path, appliance: Appliance, texts: dict[str, str]) -> Facts:
    """Instructions a row, and bytes of code, of each kernel for each instruction set."""
    low = lowered(appliance.model)
    requests = sorted({op.kernel for op in low.program.operations if op.kernel is not None})
    kernels, facts = load_kernels(root), {}
    sets = {isa.name: isa for listed in appliance.targets.values() for isa in listed}
    for isa in sets.values():
        source = f"models/{appliance.model.name}/kernels__{isa.name}.c"
        sizes = _code_bytes(texts, source, isa.all_flags)
        for traced in trace_all(requests, isa, kernels):
            count = sum(traced.instructions.values())
            facts[traced.symbol] = (
                f"{count:,} instructions a row, {sizes.get(traced.symbol, 0):,} bytes of code"
            )
    return facts


def _code_bytes(texts: dict[str, str], source: str, flags: Sequence[str]) -> dict[str, int]:
    """Size of every function of one generated file, compiled as the image compiles it."""
    static = Path(__file__).resolve().parents[2] / "kernel_static" / "include"
    with tempfile.TemporaryDirectory() as name:
        for path, text in texts.items():
            if path.endswith((".h", ".c")):
                (Path(name) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(name) / path).write_text(text, encoding="utf-8")
        built = Path(name) / "kernels.o"
        command = ["gcc", "-std=gnu11", "-O2", *flags, f"-I{name}", f"-I{static}"]
        subprocess.run([*command, "-c", str(Path(name) / source), "-o", str(built)], check=True)
        listing = subprocess.run(
            ["nm", "-S", str(built)], check=True, capture_output=True, text=True
        ).stdout
    rows = (line.split() for line in listing.splitlines())
    return {row[3]: int(row[1], 16) for row in rows if len(row) == 4 and row[2] in "tT"}


def meaning_diff(root: Path, rev: str) -> str:
    """Markdown: what changed in meaning since git revision `rev`. Raises NoProject if git does not
    know the revision, SpecError if its specs do not load with this generator."""
    archive = subprocess.run(["git", "-C", str(root), "archive", rev, "specs"], capture_output=True)
    if archive.returncode:
        raise NoProject(f"git has no specs/ at {rev!r}: {archive.stderr.decode().strip()}")
    with tempfile.TemporaryDirectory() as name:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as packed:
            packed.extractall(name, filter="data")
        try:
            old = Meaning(Path(name))
        except SpecError as error:
            raise NoProject(
                f"the specs of {rev} do not load with this generator: {error}"
            ) from None
    return report(old, Meaning(root), rev)


def report(old: Meaning, new: Meaning, rev: str) -> str:
    """The difference of two meanings as Markdown; says so when there is none."""
    changes = compare_apis(old.api, new.api)
    parts = {"API": [change.line() for change in changes]}
    parts |= {title: compare(old.sections[title], new.sections[title]) for title in new.sections}
    lines = [f"# What the specs change since {rev}", ""]
    breaking = sum(change.breaking for change in changes)
    if breaking:
        lines += [f"**{breaking} breaking** for existing clients.", ""]
    for title, items in parts.items():
        if items:
            lines += [f"## {title}", "", *items, ""]
    if not any(parts.values()):
        lines += ["Nothing that a client, a device, a kernel or the memory map would notice.", ""]
    return "\n".join(lines)
