"""`cllm-gen bench`: our engine as a process and its peers in alternation, what the machine could do, and the
share of it that each reaches."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cllm_gen.bench import report, tables
from cllm_gen.bench.contest import OURS, Engine, Entrant, Hosted, Rival, hold, passage
from cllm_gen.bench.costs import costs
from cllm_gen.bench.judge import judge
from cllm_gen.bench.peer_weights import SHIPPED
from cllm_gen.bench.peers import ABSENT, VARIANTS, Peer, installed, python
from cllm_gen.bench.probe import Abilities, probe
from cllm_gen.bench.ratios import ratios
from cllm_gen.image.build import Image, build
from cllm_gen.machine.errors import RunFailed
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.load import load_appliances
from cllm_gen.weights.locate import locate


@dataclass(frozen=True)
class Settings:
    """threads  numbers of threads, one table each
    rounds   counted runs of every engine
    prompt   tokens of a prompt
    answer   tokens generated after it
    peers    engines to compare with, keys of VARIANTS
    append   more of our engine's command line, such as `isa=avx2`
    quality  whether to measure what the answers are worth, too
    """

    threads: tuple[int, ...] = (1, 2)
    rounds: int = 5
    prompt: int = 512
    answer: int = 128
    peers: tuple[str, ...] = tuple(VARIANTS)
    append: str = ""
    quality: bool = True


def find_appliance(root: Path, appliance: str | None, model: str | None) -> Appliance:
    """By its name or its model's; the first one without either."""
    every = load_appliances(root, appliance)
    for each in every:
        if model in (None, each.model.name, each.model.title):
            return each
    raise RunFailed(
        f"no appliance serves {model!r}; served are: "
        + ", ".join(sorted({each.model.name for each in every}))
    )


def bench(
    root: Path, appliance: str | None, model: str | None, settings: Settings, output: Path | None
) -> list[report.Result]:
    """Measures, prints tables, writes JSON and charts below build/bench/."""
    console = Console(width=None if sys.stdout.isatty() else tables.WIDTH)
    spec = find_appliance(root, appliance, model)
    if settings.peers:
        python(root)
    if max(settings.threads) > len(os.sched_getaffinity(0)):
        raise RunFailed(
            f"{max(settings.threads)} threads on {len(os.sched_getaffinity(0))} CPUs; "
            "fewer, such as --threads 1"
        )
    shipped = locate(root, spec.model.weights)
    with console.status("build"):
        image = build(root, spec.process.name, spec.name)
    with console.status("what the machine can do"):
        abilities = probe(root, costs(shipped).weight_bytes, max(settings.threads))
    entrants = [
        entrant
        for threads in settings.threads
        for entrant in compete(
            root, console, image, shipped, rivals_of(settings, threads), threads, settings
        )
    ]
    if settings.quality:
        with console.status("quality") as status:
            judge(root, spec, image, shipped, entrants, settings.append, status.update)
    kind = spec.kv_cache
    results = [
        report.result(each, report.cache_value_bytes(each.engine, kind), abilities)
        for each in entrants
        if each.runs
    ]
    _print(console, spec, settings, entrants, results, abilities)
    path = output or root / "build" / "bench" / f"{spec.name}.json"
    content = report.document(spec.name, entrants, results, abilities, vars(settings))
    report.write(path, content)
    console.print(f"figures: {path}")
    draw(root, console, path)
    return results


def rivals_of(settings: Settings, threads: int) -> list[Entrant]:
    """The peers that the settings name, with all their weights."""
    return [
        Entrant(engine, weights, threads)
        for engine in settings.peers
        for weights in VARIANTS[engine]
    ]


def compete(
    root: Path,
    console: Console,
    image: Image,
    shipped: Path,
    rivals: list[Entrant],
    threads: int,
    settings: Settings,
) -> list[Entrant]:
    """Ours and its rivals at one number of threads; ours first. RunFailed when ours does not start."""
    ours = Entrant(OURS, SHIPPED, threads, shipped)
    with ExitStack() as open_engines, console.status("start") as status:
        hosted = Hosted(image, threads, settings.append)
        open_engines.callback(hosted.stop)
        ours.detail = hosted.kernels()
        started: list[tuple[Entrant, Engine]] = [(ours, hosted)]
        for entrant in rivals:
            status.update(f"load {entrant.title}")
            try:
                peer = Peer(root, entrant.engine, shipped, entrant.weights, threads, entrant.build)
            except RunFailed as error:
                entrant.failure = str(error)
                continue
            open_engines.callback(peer.stop)
            entrant.file, entrant.detail = peer.file, peer.version
            started.append((entrant, Rival(peer)))
        tokens = hosted.tokenize(passage())
        if len(tokens) < settings.prompt:
            raise RunFailed(f"a prompt has at most {len(tokens)} tokens")
        hold(started, tokens, settings.rounds, settings.prompt, settings.answer, status.update)
    return [ours, *rivals]


def _print(
    console: Console,
    spec: Appliance,
    settings: Settings,
    entrants: list[Entrant],
    results: list[report.Result],
    abilities: Abilities,
) -> None:
    console.print(tables.machine_table(abilities))
    for threads in settings.threads:
        title = (
            f"{spec.model.title}, {tables.counted(threads)}: {settings.prompt} tokens of prompt, "
            f"{settings.answer} of answer; median of {settings.rounds}"
        )
        console.print()
        console.print(tables.rate_table(title, results, threads))
        found = ratios(entrants, threads)
        if found:
            console.print()
            console.print(tables.ratio_table(found, threads))
    console.print()
    for each in entrants:
        if each.failure:
            console.print(f"{each.place}: {each.failure}", style="red", soft_wrap=True)
    for doubt in dict.fromkeys(f"{each.title}: {each.doubt}" for each in entrants if each.doubt):
        console.print(doubt, style="red", soft_wrap=True)
    for detail in dict.fromkeys(f"{each.title}: {each.detail}" for each in entrants if each.detail):
        console.print(detail, soft_wrap=True, highlight=False)
    if settings.peers:
        for name, reason in ABSENT.items():
            console.print(f"no peer: {name} {reason}", soft_wrap=True, highlight=False)


def draw(root: Path, console: Console, figures: Path) -> None:
    """The roofline chart beside the figures, by the peers' Python, which has the plotting package."""
    if not installed(root):
        console.print("no chart: it is drawn by what `make setup-bench` installs")
        return
    command = [str(python(root)), str(Path(__file__).with_name("roofline.py")), str(figures)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RunFailed(f"the chart was not drawn:\n{done.stderr.strip()}")
    console.print(f"chart:   {figures.with_suffix('.svg')} and .png")
