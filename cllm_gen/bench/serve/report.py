"""What was measured, on the console, as JSON and Markdown, and as a chart."""

from __future__ import annotations

import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from cllm_gen.bench import report
from cllm_gen.bench.peers import installed, python
from cllm_gen.bench.probe import cpu_name
from cllm_gen.bench.serve.figures import Figures
from cllm_gen.bench.serve.loads import ANSWER, PROMPT_WORDS
from cllm_gen.bench.serve.sheets import sheets
from cllm_gen.machine.errors import RunFailed

_CHART = Path(__file__).with_name("chart.py")


def show(console: Console, every: list[Figures]) -> None:
    for sheet in sheets(every):
        console.print()
        console.print(sheet.rich())
    console.print()
    for line in _notes(every):
        console.print(line, soft_wrap=True, highlight=False)


def _notes(every: list[Figures]) -> list[str]:
    """What each server was run with, and what failed."""
    details = [f"{each.title}: {each.detail}" for each in every if each.detail]
    return details + [f"{each.title}: {each.failure}" for each in every if each.failure]


def write(path: Path, appliance: str, every: list[Figures], settings: Any) -> None:
    """JSON at `path`, Markdown beside it."""
    content = {
        "appliance": appliance,
        "cpu": cpu_name(),
        "settings": vars(settings),
        "prompt_words": PROMPT_WORDS,
        "answer": ANSWER,
        "servers": [asdict(each) for each in every],
    }
    report.write(path, content)
    head = (
        f"# {appliance}, served\n\n{cpu_name()}, {settings.threads} threads; prompts of {PROMPT_WORDS} "
        f"words, {ANSWER} tokens of answer.\n"
    )
    pages = [head, *(sheet.markdown() for sheet in sheets(every))]
    notes = "".join(f"- {line}\n" for line in _notes(every))
    path.with_suffix(".md").write_text("\n".join([*pages, notes]), encoding="utf-8")


def draw(root: Path, console: Console, figures: Path) -> None:
    """The chart beside the figures, by the peers' Python, which has the plotting package."""
    if not installed(root):
        console.print("no chart: it is drawn by what `make setup-bench` installs")
        return
    command = [str(python(root)), str(_CHART), str(figures)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RunFailed(f"the chart was not drawn:\n{done.stderr.strip()}")
    console.print(f"chart:   {figures.with_suffix('.svg')} and .png")
