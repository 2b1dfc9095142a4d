"""Draws the figures of servers: `python chart.py FIGURES.json` writes FIGURES.svg and FIGURES.png beside it.

Runs in the peers' environment, which has matplotlib, and imports nothing of this project.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams.update(
    {"svg.hashsalt": "cllm", "svg.fonttype": "none", "font.size": 9, "axes.titlesize": 10}
)
import matplotlib.pyplot as plot  # noqa: E402 - after the backend is chosen

COLOURS = {
    "cllm shipped": "#c0392b",
    "llama-server q4_0": "#2471a3",
    "openvino f16": "#7d3c98",
    "openvino q4_0": "#b07cc6",
}
PERCENTILES = {"p50": "median", "p90": "90 %", "p99": "99 %", "p999": "99.9 %"}


def _style(server: dict) -> dict:
    ours = server["name"] == "cllm"
    return {
        "color": COLOURS.get(server["title"], "#555555"),
        "marker": "o",
        "ms": 5 if ours else 4,
        "lw": 2.0 if ours else 1.2,
        "label": server["title"],
    }


def rates(axes, servers: list[dict]) -> None:
    """Tokens a second by clients."""
    for server in servers:
        loops = server["closed"]
        axes.plot(
            [loop["clients"] for loop in loops], [loop["rate"] for loop in loops], **_style(server)
        )
    _clients(axes, servers)
    axes.set_ylim(bottom=0)
    axes.set_title("tokens a second", loc="left")


def firsts(axes, servers: list[dict]) -> None:
    """Time to first token by clients, the median; a thin line to the 99th percentile."""
    for server in servers:
        loops = [loop for loop in server["closed"] if loop["latencies"]["first"]]
        across = [loop["clients"] for loop in loops]
        found = [loop["latencies"]["first"] for loop in loops]
        axes.plot(across, [1e3 * each["p50"] for each in found], **_style(server))
        colour = _style(server)["color"]
        axes.vlines(
            across,
            *([1e3 * each[p] for each in found] for p in ("p50", "p99")),
            color=colour,
            lw=0.8,
        )
    _clients(axes, servers)
    axes.set_yscale("log")
    axes.set_title("to the first token, ms: median, and up to 99 %", loc="left")


def _clients(axes, servers: list[dict]) -> None:
    counts = sorted({loop["clients"] for server in servers for loop in server["closed"]})
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.set_xlabel("clients")


def between(axes, servers: list[dict]) -> None:
    """Between tokens: percentiles, with the most clients that every server was tried with."""
    tried = [
        {loop["clients"] for loop in server["closed"]} for server in servers if server["closed"]
    ]
    common = set.intersection(*tried) if tried else set()
    clients = 16 if 16 in common else max(common, default=0)
    for server in servers:
        for loop in server["closed"]:
            if loop["clients"] == clients and (found := loop["latencies"]["between"]):
                axes.plot([1e3 * found[p] for p in PERCENTILES], **_style(server))
    axes.set_xticks(range(len(PERCENTILES)), list(PERCENTILES.values()))
    axes.set_yscale("log")
    axes.set_title(f"between tokens, ms, {clients} clients", loc="left")


def arrivals(axes, servers: list[dict]) -> None:
    """Time to first token by offered rate; an open mark where the server is saturated."""
    for server in servers:
        loads = [load for load in server["open"] if load["latencies"]["first"]]
        style = {**_style(server), "marker": ""}
        across = [load["offered"] for load in loads]
        up = [1e3 * load["latencies"]["first"]["p99"] for load in loads]
        axes.plot(across, up, **style)
        for load, x, y in zip(loads, across, up):
            fill = "white" if load["saturated"] else style["color"]
            axes.plot(x, y, "o", mfc=fill, mec=style["color"], ms=5)
    if any(server["open"] for server in servers):  # a logarithmic scale needs values
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.set_xlabel("requests a second, at random")
    axes.set_title("to the first token, ms, 99 %; open: saturated", loc="left")


def main(path: Path) -> None:
    figures = json.loads(path.read_text())
    servers = [server for server in figures["servers"] if server["closed"] or server["open"]]
    figure, panels = plot.subplots(2, 2, figsize=(10, 7.2))
    for axes, draw in zip(panels.flat, (rates, firsts, between, arrivals)):
        draw(axes, servers)
        axes.grid(True, which="major", color="#dddddd", lw=0.5)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    panels[0, 0].legend(frameon=False)
    figure.suptitle(
        f"{figures['appliance']}: prompts of {figures['prompt_words']} words, {figures['answer']} tokens "
        f"of answer, {figures['settings']['threads']} threads, on {figures['cpu']}",
        x=0.02,
        ha="left",
        fontsize=10,
    )
    figure.tight_layout()
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    figure.savefig(path.with_suffix(".png"), dpi=130)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
