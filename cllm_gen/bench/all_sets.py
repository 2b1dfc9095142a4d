"""`cllm-gen bench --all-sets`: one table by class of CPU. Ours with each instruction set that this CPU can
run, beside llama.cpp with kernels for CPUs of that class, and beside the best set those peers that choose
for themselves. As Markdown, with CPU, date and commit."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from cllm_gen.bench.bench import Settings, compete, rivals_of
from cllm_gen.bench.contest import OURS, Entrant
from cllm_gen.bench.judge import judge
from cllm_gen.bench.peers import VARIANTS, python
from cllm_gen.bench.probe import cpu_name
from cllm_gen.bench.ratios import ratios
from cllm_gen.bench.report import Rate
from cllm_gen.bench.tables import counted, rate
from cllm_gen.image.build import build
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.isa import InstructionSet
from cllm_gen.weights.locate import locate

CPUINFO = Path("/proc/cpuinfo")


@dataclass
class Class:
    """One set of ours and who ran beside it; nobody where `missing`, this CPU lacks something."""

    isa: InstructionSet
    entrants: list[Entrant] = field(default_factory=list)
    missing: bool = False


def llama_build(isa: InstructionSet) -> str:
    """The build of llama.cpp (peers.BUILDS) for CPUs that have this set and no more; empty for the one
    with all that this CPU has, beside sets of 512 bits and more."""
    needs = {feature.name for feature in isa.all_features}
    if any(name.startswith(("avx512", "amx")) for name in needs):
        return ""
    if "avx2" in needs:
        return "avx2"
    return "sse42" if needs & {"ssse3", "sse41", "sse4_1", "sse42", "sse4_2"} else "sse2"


def sets_of(spec: Appliance) -> list[InstructionSet]:
    """The process's sets for real CPUs, the least capable first. Those that ask nothing of a CPU beyond
    what their base asks are made for emulators."""
    return [isa for isa in spec.targets[spec.process] if isa.features]


def runs_here(isa: InstructionSet) -> bool:
    """Whether Linux says of this CPU that it has all that the set needs."""
    lines = CPUINFO.read_text().splitlines()
    flags = next((set(line.split()) for line in lines if line.startswith("flags")), set())
    plain = {flag.replace("_", "") for flag in flags}
    return all(feature.name.replace("_", "") in plain for feature in isa.all_features)


def all_sets(root: Path, spec: Appliance, settings: Settings, output: Path | None) -> str:
    """Measures with the most threads of the settings; prints, writes and returns the Markdown."""
    console = Console()
    if settings.peers:
        python(root)
    threads = max(settings.threads)
    shipped = locate(root, spec.model.weights)
    with console.status("build"):
        image = build(root, spec.process.name, spec.name)
    classes = [Class(isa, missing=not runs_here(isa)) for isa in sets_of(spec)]
    here = [each for each in classes if not each.missing]
    for each in here:
        with_set = replace(settings, append=f"{settings.append} isa={each.isa.name}".strip())
        beside = rivals(each, each is here[-1], settings, threads)
        each.entrants = compete(root, console, image, shipped, beside, threads, with_set)
        if settings.quality:
            with console.status("quality") as status:
                update: Callable[[str], None] = status.update
                judge(root, spec, image, shipped, each.entrants, with_set.append, update)
    text = markdown(spec.model.title, classes, settings, threads, cpu_name(), _state(root))
    path = output or root / "build" / "bench" / f"{spec.name}.sets.md"
    path.write_text(text)
    console.print(text, soft_wrap=True, highlight=False, markup=False)
    console.print(f"table: {path}")
    return text


def rivals(this: Class, best: bool, settings: Settings, threads: int) -> list[Entrant]:
    """llama.cpp of the set's class, and its fork of that class; all peers beside the best set that
    this CPU has."""
    if best:
        found = rivals_of(settings, threads)
        for each in found:
            each.build = llama_build(this.isa) if each.engine == "llama" else ""
        return found
    own = [("llama", llama_build(this.isa))]
    if llama_build(this.isa) == "avx2":
        own.append(("ik", ""))  # its package is compiled for AVX2
    return [
        Entrant(engine, weights, threads, build=built)
        for engine, built in own
        if engine in settings.peers
        for weights in VARIANTS[engine]
    ]


def _state(root: Path) -> str:
    """The commit that was measured; whether files differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
        return done.stdout.strip()

    return git("rev-parse", "--short", "HEAD") + (
        ", with changes" if git("status", "--porcelain") else ""
    )


def markdown(
    model: str, classes: list[Class], settings: Settings, threads: int, cpu: str, state: str
) -> str:
    """The table and what stands about it."""
    date = time.strftime("%d %B %Y").lstrip("0")
    lines = [
        f"{model} on {cpu}, {date}, commit {state}: {counted(threads)}, {settings.prompt} tokens of "
        f"prompt, {settings.answer} of answer, median of {settings.rounds}.",
        "",
        "| set | engine, weights | prefill tok/s | decode tok/s | ours / it, prefill | decode "
        "| KL, nats | same token | perplexity |",
        "|" + "---|" * 9,
    ]
    for each in classes:
        lines += [_row(each, entrant, threads) for entrant in _ordered(each.entrants)]
    lacking = ", ".join(each.isa.name for each in classes if each.missing)
    lines += ["", f"Sets that this CPU cannot run: {lacking or 'none'}."]
    for entrant in (entrant for each in classes for entrant in each.entrants):
        if entrant.failure or entrant.doubt:
            lines.append(f"{entrant.title}: {entrant.failure or entrant.doubt}.")
    entrants = [entrant for each in classes for entrant in each.entrants]
    told = dict.fromkeys(f"- {each.title}: {each.detail}" for each in entrants if each.detail)
    return "\n".join([*lines, "", *told]).rstrip() + "\n"


def _ordered(entrants: list[Entrant]) -> list[Entrant]:
    return sorted((each for each in entrants if each.runs), key=lambda each: not each.near)


def _row(this: Class, entrant: Entrant, threads: int) -> str:
    """Of one engine: rates, our rates over its (medians of the rounds' own ratios), quality."""
    cells = [this.isa.name if entrant.engine == OURS else "", entrant.title]
    rates = {what: [getattr(run, what) for run in entrant.runs] for what in ("prefill", "decode")}
    cells += [rate(Rate.of(values).median) for values in rates.values()]
    times = ratios(this.entrants, threads).get(entrant.title)
    cells += [f"{times[what].in_rounds:.2f}" if times else "" for what in rates]
    cells += entrant.quality.shown if entrant.quality else ("-", "-", "-")
    return "| " + " | ".join(cells) + " |"
