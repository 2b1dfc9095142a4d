"""Figures of every target on this machine: boot, memory, size, speed, and the amount of code.

Nothing here is a test: the numbers are printed, and compared only side by side in one run.
"""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table

from cllm_gen.image.build import Image, build
from cllm_gen.machine.errors import RunFailed
from cllm_gen.machine.process import Machine
from cllm_gen.machine.run import start_image
from cllm_gen.spec.load import load_appliances

_MEMORY = 256  # MiB of a booted guest
_BOOTS = 5
_ANSWER_TOKENS = 48
_PROMPT = (
    "It was a bright cold day in April when the old clockmaker opened his shop for the last time. "
    "He had repaired every tower clock between the river and the hills, and now, as the bells rang "
    "one after another, he sat down and began to tell his story to the children who had gathered:"
)


@dataclass(frozen=True)
class Figures:
    """One target. Seconds, MiB, bytes, tokens per second."""

    target: str
    kernels: str
    first_answer: float
    least_memory: int | None
    image_bytes: int
    model_bytes: int
    prefill: float
    decode: float


def bench(root: Path, json_path: Path | None) -> list[Figures]:
    """Measures each target and prints a table; optionally writes JSON."""
    console = Console()
    figures = []
    for target in load_appliances(root)[0].targets:
        with console.status(f"{target.name}: build"):
            image = build(root, target.name, None)
        with console.status(f"{target.name}: boot, memory, speed"):
            figures.append(_measure(image))
    lines = code_lines(root)
    console.print(_table(figures))
    for name, count in lines.items():
        console.print(f"{name:32} {count:7,} lines")
    if json_path:
        document = {"targets": [asdict(each) for each in figures], "lines": lines}
        json_path.write_text(json.dumps(document, indent=2) + "\n")
    return figures


def _measure(image: Image) -> Figures:
    booted = not image.target.is_process
    boots = []
    for _ in range(_BOOTS):
        machine = start_image(image, memory=_MEMORY)[0]
        with machine:
            boots.append(machine.wait_ready())
    machine = start_image(image, memory=_MEMORY if booted else 1024)[0]
    with machine:
        machine.wait_ready()
        prefill, decode = _speed(machine)
        kernels = machine.console.split("kernels ")[-1].split(",")[0]
    return Figures(
        target=image.target.name,
        kernels=kernels,
        first_answer=statistics.median(boots),
        least_memory=_least_memory(image) if booted else None,
        image_bytes=image.image.stat().st_size,
        model_bytes=image.model.stat().st_size if image.model else 0,
        prefill=prefill,
        decode=decode,
    )


def _speed(machine: Machine) -> tuple[float, float]:
    """Prefill and decode in tokens per second, as a client on the same machine sees them."""

    def ask(tokens: int) -> tuple[float, dict]:
        body = {"prompt": _PROMPT, "max_tokens": tokens, "temperature": 0}
        begun = time.monotonic()
        answer = requests.post(machine.url + "/v1/completions", json=body, timeout=600)
        answer.raise_for_status()
        return time.monotonic() - begun, answer.json()["usage"]

    ask(1)
    first, usage = ask(1)
    whole, longer = ask(_ANSWER_TOKENS)
    more = longer["completion_tokens"] - usage["completion_tokens"]
    return usage["prompt_tokens"] / first, more / (whole - first) if more else 0.0


def _least_memory(image: Image) -> int | None:
    """The smallest of a few guest sizes, in MiB, in which the first question is answered."""
    question = {
        "messages": [{"role": "user", "content": "What is the capital of France?"}],
        "max_tokens": 8,
    }
    for memory in range(136, _MEMORY + 1, 8):
        with start_image(image, memory=memory)[0] as machine:
            try:
                machine.wait_ready(10)
                answer = requests.post(
                    machine.url + "/v1/chat/completions", json=question, timeout=60
                )
                if answer.status_code == 200:
                    return memory
            except (RunFailed, requests.RequestException):
                continue
    return None


def code_lines(root: Path) -> dict[str, int]:
    """Lines of what people write and what the generator wrote."""

    def count(folder: str, *suffixes: str) -> int:
        files = (path for path in (root / folder).rglob("*") if path.suffix in suffixes)
        return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)

    return {
        "specs (Python)": count("specs", ".py"),
        "generated C": count("generated", ".c", ".h"),
        "static C and assembly": count("kernel_static", ".c", ".h", ".S"),
        "generator (Python, templates)": count("cllm_gen", ".py", ".j2", ".lark"),
        "tests": count("tests", ".py", ".c"),
    }


def _table(figures: list[Figures]) -> Table:
    table = Table(title="cllm on this machine")
    for name in (
        "target",
        "kernels",
        "first 200 (s)",
        "least guest memory (MiB)",
        "image (MB)",
        "model (MB)",
        "prefill (tok/s)",
        "decode (tok/s)",
    ):
        table.add_column(name, justify="left" if name in ("target", "kernels") else "right")
    for each in figures:
        table.add_row(
            each.target,
            each.kernels,
            f"{each.first_answer:.2f}",
            str(each.least_memory or "-"),
            f"{each.image_bytes / 1e6:.2f}",
            f"{each.model_bytes / 1e6:.1f}",
            f"{each.prefill:.1f}",
            f"{each.decode:.1f}",
        )
    return table
