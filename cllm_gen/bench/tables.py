"""The benchmark's tables, no wider than 80 columns."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cllm_gen.bench.contest import OURS
from cllm_gen.bench.probe import Abilities
from cllm_gen.bench.ratios import Ratio
from cllm_gen.bench.report import Result

WIDTH = 80  # columns, where the output is no terminal


def table(title: str, first: str, *others: str, caption: str | None = None, gap: int = 2) -> Table:
    """A column of names and columns of figures, `gap` apart; a heading's lines are never cut."""
    shown = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption=caption,
        caption_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
        padding=(0, gap - 1),
    )
    shown.add_column(first, no_wrap=True)
    for heading in others:
        shown.add_column(heading, justify="right", no_wrap=True)
    return shown


def counted(threads: int) -> str:
    """`1 thread`, `2 threads`."""
    return f"{threads} thread{'s' * (threads > 1)}"


def machine_table(abilities: Abilities) -> Table:
    """What the probe measured."""
    counts = range(1, len(abilities.bandwidth) + 1)
    shown = table(abilities.cpu, "measured on this machine", *map(counted, counts))
    mega = abilities.working_set / 1e6
    shown.add_row(
        f"reads of {mega:.0f} MB, GB/s", *(f"{each / 1e9:.1f}" for each in abilities.bandwidth)
    )
    for unit, peaks in abilities.peaks.items():
        shown.add_row(f"{unit}, 10⁹ operations/s", *(f"{each / 1e9:,.0f}" for each in peaks))
    return shown


def rate_table(title: str, results: list[Result], threads: int) -> Table:
    """Rates at one number of threads, ours first, their shares of what the machine can do, and how
    near each engine's answers are to what the file says. Peers that answer as the file says come
    first."""
    rows = [each for each in results if each.threads == threads]
    unit = next((each.unit for each in rows if each.unit), None)
    shown = table(
        title,
        "engine, weights",
        "prefill\ntok/s",
        "\n ±",
        "decode\ntok/s",
        "\n ±",
        " of\nmem.",
        " of\npeak",
        "KL,\nnats",
        "same\ntoken",
        "per-\nplexity",
        caption=_caption(rows, unit),
        gap=1,
    )
    for near in (True, False):
        shown.add_section()
        for row in (each for each in rows if each.near == near):
            cells = [row.title, rate(row.prefill.median), row.prefill.spread]
            cells += [rate(row.decode.median), row.decode.spread]
            for share in (row.bandwidth_share, row.unit_share):
                cells.append("-" if share is None else f"{100 * share:.0f}%")
            cells += row.quality.shown if row.quality else ("-", "-", "-")
            shown.add_row(*cells, style="bold" if row.engine == OURS else None)
    return shown


def rate(tokens: float) -> str:
    """Tokens a second for a table."""
    return f"{tokens:,.0f}" if tokens >= 100 else f"{tokens:.1f}"


def _caption(rows: list[Result], unit: str | None) -> str:
    """What the columns of a rate table mean, in lines of at most WIDTH."""
    lines = ["±: half the range; of mem.: decode's share of what memory gives"]
    if unit:
        lines.append(f"of peak: prefill's share of {unit}")
    positions = next((each.quality.positions for each in rows if each.quality), None)
    if positions:
        lines += [
            "KL divergence, same likeliest token: from the file computed in F32",
            f"at {positions:,} positions of a text; perplexity of that text",
        ]
    if not all(each.near for each in rows):
        lines.append("below the line: answers of another model (q4_0), or wrong ones")
    return "\n".join(lines)


def ratio_table(found: dict[str, dict[str, Ratio]], threads: int) -> Table:
    """How many times each peer's rate ours is (ratios.py)."""
    headings = [
        f"{what},\n{how}"
        for what in ("prefill", "decode")
        for how in ("medians", "rounds", "range")
    ]
    shown = table(
        f"times the peer's rate, {counted(threads)}",
        f"{OURS} beside",
        *headings,
        caption="medians: the ratio of them; rounds: the median of the rounds' own ratios",
    )
    for title, rates in found.items():
        cells = [title]
        for ratio in (rates["prefill"], rates["decode"]):
            cells += [f"{ratio.of_medians:.2f}", f"{ratio.in_rounds:.2f}"]
            cells.append(f"{ratio.least:.1f}-{ratio.most:.1f}")
        shown.add_row(*cells)
    return shown
