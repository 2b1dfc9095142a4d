"""An explanation for a terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cllm_gen.bench.bench import find_appliance
from cllm_gen.explain.explain import Explainer, Explanation, Listed
from cllm_gen.machine.errors import RunFailed


def show(
    root: Path,
    kernel: str | None,
    isa: str | None,
    appliance: str | None,
    model: str | None,
    as_json: bool,
) -> None:
    """The list without a kernel or with a name that several begin with; else one explanation. Raises
    RunFailed for an unknown kernel or set."""
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    explainer = Explainer(root, find_appliance(root, appliance, model))
    name, _, suffix = (kernel or "").partition("__")
    wanted = explainer.instruction_set(isa or suffix or None)
    names = explainer.matching(name)
    if not names:
        known = "\n  ".join(explainer.requests)
        raise RunFailed(f"no kernel begins with {name!r}; there are:\n  {known}")
    if len(names) > 1:
        listed = explainer.listed(names, wanted)
        if as_json:
            print(json.dumps([vars(each) for each in listed], indent=2))
        else:
            console.print(listing(listed))
            console.print("more about one: cllm-gen explain KERNEL [--isa SET]")
        return
    found = explainer.explain(names[0], wanted)
    if as_json:
        print(json.dumps(found.document(), indent=2))
    else:
        page(console, found)


def listing(listed: list[Listed]) -> Table:
    """Kernels with their costs, and the sum of their code."""
    total = sum({each.symbol: each.code_bytes for each in listed}.values())
    table = Table(title=f"{len(listed)} kernels, {total:,} bytes of code", title_justify="left")
    table.add_column("kernel", no_wrap=True)
    table.add_column("set", no_wrap=True)
    table.add_column("instructions\nan output", justify="right")
    table.add_column("code\nbytes", justify="right")
    table.add_column("schedule")
    for each in listed:
        own = each.symbol.endswith(f"__{each.isa}")
        table.add_row(
            each.kernel,
            each.isa if own else f"{each.isa} ({each.symbol.rsplit('__', 1)[1]}'s)",
            f"{each.per_output:.2f}",
            f"{each.code_bytes:,}",
            each.schedule,
        )
    return table


def page(console: Console, found: Explanation) -> None:
    """One kernel."""
    console.print(f"[bold]{found.symbol}[/]   {found.spec}")
    console.print(found.summary)
    for line in found.algorithm.splitlines():
        console.print(f"    {line}", soft_wrap=True, markup=False)
    shape = ", ".join(f"{name} {value:g}" for name, value in found.shape.items())
    registers = ", ".join(f"{count} {name}" for name, count in found.registers.items())
    console.print(f"shape      {shape}")
    console.print(f"schedule   {found.schedule}")
    console.print(f"alive      {registers or 'nothing named'} at once")
    code = found.code
    console.print(
        f"code       {code.size:,} bytes, {code.instructions} machine instructions, "
        f"{code.stack_moves} vector moves to or from the stack"
    )
    total = sum(found.instructions.values())
    console.print(
        f"\n{total:,} instructions of the set for a row (matrices: and a tile), "
        f"{found.per_output:.2f} an output"
    )
    console.print(_instructions(found))
    if found.timings:
        console.print(
            "\none call on one core; cold: weights (or cache) from memory, hot: the same again"
        )
        console.print(_timings(found))
    for sentence in found.advice:
        console.print(f"• {sentence}")


def _instructions(found: Explanation) -> Table:
    total = sum(found.instructions.values())
    table = Table(box=None, pad_edge=False)
    table.add_column("instruction")
    table.add_column("times", justify="right")
    table.add_column("an output", justify="right")
    table.add_column("share", justify="right")
    outputs = total / found.per_output if found.per_output else 1
    for name, count in found.instructions.items():
        table.add_row(name, f"{count:,}", f"{count / outputs:.3f}", f"{100 * count / total:.0f} %")
    return table


def _timings(found: Explanation) -> Table:
    table = Table()
    heads = ("rows", "cold µs", "hot µs", "ns an\noutput", "bytes an\noutput", "operations\na byte")
    for head in (
        *heads,
        "GB/s",
        "Gops/s",
        "memory\nbound µs",
        f"{found.unit or 'multiplier'}\nbound µs",
        "bound\n/ cold",
    ):
        table.add_column(head, justify="right")
    for each in found.timings:
        table.add_row(
            str(each.rows),
            f"{1e6 * each.cold:,.2f}",
            f"{1e6 * each.hot:,.2f}",
            f"{1e9 * each.cold / each.outputs:.2f}",
            f"{each.bytes / each.outputs:,.1f}",
            f"{each.intensity:,.1f}" if each.intensity else "-",
            f"{each.bytes / each.cold / 1e9:.1f}" if each.bytes else "-",
            f"{each.operations / each.cold / 1e9:,.0f}" if each.operations else "-",
            f"{1e6 * each.memory_bound:,.2f}" if each.bytes else "-",
            f"{1e6 * each.multiplier_bound:,.2f}" if each.multiplier_bound else "-",
            f"{100 * each.bound / each.cold:.0f} %" if each.bound else "-",
        )
    return table
