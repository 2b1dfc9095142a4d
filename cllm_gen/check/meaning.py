"""What a spec change means, in words: the specs of a git revision against those of the work tree."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from cllm_gen.check.compatibility import Change, compare_apis
from cllm_gen.check.facts import (
    Facts,
    appliance_facts,
    compare,
    device_facts,
    metric_facts,
    model_facts,
    protocol_facts,
)
from cllm_gen.emit import tree
from cllm_gen.lower.appliance import outputs
from cllm_gen.lower.kernel.resolve import Resolved, resolve_all
from cllm_gen.lower.kernel.trace import trace
from cllm_gen.lower.model.lowered import lowered
from cllm_gen.source import SpecError
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.load import NoProject, load_appliances, load_metrics


class Meaning:
    """Everything that the specs below one root say."""

    def __init__(self, root: Path):
        self.appliances = load_appliances(root)
        self.metrics = load_metrics(root)
        self.texts = tree.texts(outputs(self.appliances))
        self.apis = {
            a.name: json.loads(self.texts[f"surfaces/{a.surface.name}/api/openapi.json"])
            for a in self.appliances
        }
        self.kernels: dict[str, Resolved] = {
            symbol: each for a in self.appliances for symbol, each in _kernels(a).items()
        }
        self.kernel_files: dict[str, tuple[str, ...]] = {
            symbol: (*each.isa.all_flags, *_included(self.texts, each.file))
            for symbol, each in self.kernels.items()
        }
        """All that the machine code of each kernel depends on."""

    def sections(self, kernels: Collection[str]) -> dict[str, Facts]:
        """Facts by title; only about some kernels, because each must be compiled."""
        appliances = self.appliances
        return {
            "Devices": _merged(device_facts(each) for a in appliances for each in a.devices),
            "Wire formats": _merged(
                protocol_facts(each) for a in appliances for each in a.protocols
            ),
            "Models": _merged(model_facts(a.model) for a in appliances),
            "Kernels": {
                symbol: _kernel_fact(self.texts, each)
                for symbol, each in self.kernels.items()
                if symbol in kernels
            },
            "Metrics": _merged(metric_facts(each) for each in self.metrics),
            "Limits, memory map and targets": _merged(appliance_facts(a) for a in appliances),
        }


def _merged(parts) -> Facts:
    return {name: fact for part in parts for name, fact in part.items()}


def _kernels(appliance: Appliance) -> dict[str, Resolved]:
    """All functions of kernels, by symbol."""
    return resolve_all(lowered(appliance.model, appliance.kv_cache).requests, appliance.sets)


def _included(texts: dict[str, str], source: str) -> list[str]:
    """The text of a generated file and of the generated headers that it includes."""
    found = [texts[source]]
    for header in re.findall(r'^#include "([^"]+)"', texts[source], re.MULTILINE):
        found += _included(texts, header) if header in texts else []
    return found


def _kernel_fact(texts: dict[str, str], resolved: Resolved) -> str:
    """Instructions a row, and bytes of code."""
    traced = trace(resolved.kernel, resolved.request, resolved.isa)
    instructions, size = sum(traced.instructions.values()), _code_bytes(texts, resolved)
    return f"{instructions:,} instructions a row, {size:,} bytes of code"


def _code_bytes(texts: dict[str, str], resolved: Resolved) -> int:
    """Size of a function, compiled with its set's flags."""
    with tempfile.TemporaryDirectory() as name:
        for path, text in texts.items():
            if path.startswith("kernels/"):
                (Path(name) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(name) / path).write_text(text, encoding="utf-8")
        built = Path(name) / "kernel.o"
        command = ["gcc", "-std=gnu11", "-O2", *resolved.isa.all_flags, f"-I{name}"]
        command += ["-c", str(Path(name) / resolved.file), "-o", str(built)]
        subprocess.run(command, check=True)
        listing = subprocess.run(
            ["nm", "-S", str(built)], check=True, capture_output=True, text=True
        ).stdout
    return next(
        int(size, 16)
        for _, size, _, symbol in (line.split() for line in listing.splitlines() if "T" in line)
        if symbol == resolved.symbol
    )


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


def _api_changes(old: Meaning, new: Meaning) -> list[Change]:
    """Of the appliances that both have; what is not about all of them says which."""
    both = [name for name in new.apis if name in old.apis]
    found: dict[Change, list[str]] = {}
    for name in both:
        for change in compare_apis(old.apis[name], new.apis[name]):
            found.setdefault(change, []).append(name)
    return [
        change if names == both else replace(change, text=f"{change.text} in {', '.join(names)}")
        for change, names in found.items()
    ]


def report(old: Meaning, new: Meaning, rev: str) -> str:
    """The difference of two meanings as Markdown; says so when there is none."""
    changes = _api_changes(old, new)
    kernels = [
        symbol
        for symbol in {**old.kernel_files, **new.kernel_files}
        if old.kernel_files.get(symbol) != new.kernel_files.get(symbol)
    ]
    before, after = old.sections(kernels), new.sections(kernels)
    parts = {"API": [change.line() for change in changes]}
    parts |= {title: compare(before[title], after[title]) for title in after}
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
