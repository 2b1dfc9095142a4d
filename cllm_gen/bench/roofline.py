"""Draws the figures of a benchmark under the machine's roofs: `python roofline.py FIGURES.json` writes
FIGURES.svg and FIGURES.png beside it.

Across: operations for each byte of weights and cache that is read. Up: operations a second. Decode
reads everything for one token; prefill is drawn as if it read the weights once for the whole prompt.
Runs in the peers' environment, which has matplotlib, and imports nothing of this project.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams.update(
    {"svg.hashsalt": "cllm", "svg.fonttype": "none", "font.size": 9, "axes.titlesize": 10}
)
import matplotlib.pyplot as plot  # noqa: E402 - after the backend is chosen

COLOURS = {"cllm": "#c0392b", "ik": "#148f77", "llama": "#2471a3", "openvino": "#7d3c98"}
MARKERS = {"decode": "o", "prefill": "s"}
UNITS = {
    "f32_avx2": "f32 FMA, AVX2",
    "f32_avx512": "f32 FMA, AVX-512",
    "bf16_avx512": "bf16, AVX-512",
    "int16_avx2": "int16, AVX2",
    "int8_avx2": "int8, AVX2",
    "int8_avx_vnni": "int8, AVX-VNNI",
    "int16_avx512_vnni": "int16, AVX-512 VNNI",
    "int8_avx512_vnni": "int8, AVX-512 VNNI",
    "bf16_amx": "bf16, AMX",
    "int8_amx": "int8, AMX",
}
LEFT, RIGHT = 0.5, 50000.0  # operations a byte


def points(results: list[dict], threads: int, prompt: int) -> list[dict]:
    """Where each engine's decode and prefill stand."""
    found = []
    for each in results:
        if each["threads"] != threads:
            continue
        decode, read = each["decode"]["median"], each["decode_bytes"]
        common = {"engine": each["engine"], "title": each["title"]}
        found.append(
            {
                **common,
                "kind": "decode",
                "x": each["decode_operations"] / read,
                "y": each["decode_operations"] * decode,
                "rate": decode,
            }
        )
        found.append(
            {
                **common,
                "kind": "prefill",
                "x": each["prefill_operations"] * prompt / read,
                "y": each["operations"],
                "rate": each["prefill"]["median"],
            }
        )
    return found


def spread(values: list[float], least: float) -> list[float]:
    """Heights near `values`, in their order, at least a factor `least` apart."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    placed = list(values)
    for _ in range(200):
        for low, high in itertools.pairwise(order):
            if placed[high] < placed[low] * least:
                middle = (placed[high] * placed[low]) ** 0.5
                placed[low], placed[high] = middle / least**0.5, middle * least**0.5
    return placed


def roofs(axes, machine: dict, threads: int) -> float:
    """The slope of the memory and the flats of the multipliers; the highest one."""
    slope = machine["bandwidth"][threads - 1]
    peaks = {unit: by_threads[threads - 1] for unit, by_threads in machine["peaks"].items()}
    top = max(peaks.values())
    axes.plot([LEFT, top / slope], [LEFT * slope, top], color="#333333", lw=1.4)
    axes.annotate(
        f"memory, {slope / 1e9:.0f} GB/s",
        (LEFT * 1.5, LEFT * 1.5 * slope),
        xytext=(0, 5),
        textcoords="offset points",
        rotation=_angle(axes),
        rotation_mode="anchor",
        color="#333333",
        fontsize=8,
    )
    heights = dict(zip(peaks, spread(list(peaks.values()), 1.45)))
    for unit, peak in peaks.items():
        axes.plot([peak / slope, RIGHT], [peak, peak], color="#333333", lw=0.9, alpha=0.75)
        axes.annotate(
            f"{UNITS.get(unit, unit)}: {_readable(peak)}",
            (RIGHT, heights[unit]),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color="#333333",
            fontsize=8,
            annotation_clip=False,
        )
    return top


def _angle(axes) -> float:
    """The angle at which a line of slope one is drawn: both axes are logarithmic."""
    import math

    box, figure = axes.get_position(), axes.figure
    width, height = figure.get_size_inches()
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    across = box.width * width / math.log10(right / left)
    up = box.height * height / math.log10(high / low)
    return math.degrees(math.atan2(up, across))


def _readable(operations: float) -> str:
    return (
        f"{operations / 1e12:.1f} Tops/s"
        if operations >= 1e12
        else f"{operations / 1e9:.0f} Gops/s"
    )


def panel(axes, figures: dict, threads: int) -> None:
    """One number of threads."""
    machine = figures["machine"]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(LEFT, RIGHT)
    every = [
        each
        for count in figures["settings"]["threads"]
        for each in points(figures["results"], count, figures["settings"]["prompt"])
    ]
    highest = max(peaks[-1] for peaks in machine["peaks"].values())
    axes.set_ylim(min(each["y"] for each in every) / 4, highest * 2.5)
    roofs(axes, machine, threads)
    mine = [
        each
        for each in every
        if each in points(figures["results"], threads, figures["settings"]["prompt"])
    ]
    for kind in MARKERS:
        group = [each for each in mine if each["kind"] == kind]
        heights = spread([each["y"] for each in group], 1.5)
        for each, height in zip(group, heights):
            colour = COLOURS.get(each["engine"], "#555555")
            axes.plot(
                each["x"],
                each["y"],
                MARKERS[kind],
                color=colour,
                ms=7 if each["engine"] == "cllm" else 5.5,
                mec="white",
                mew=0.6,
                zorder=5,
            )
            axes.annotate(
                f"{each['title']}: {each['rate']:,.0f} tok/s",
                (each["x"], each["y"]),
                xytext=(max(e["x"] for e in group) * 1.25, height),
                textcoords="data",
                va="center",
                color=colour,
                fontsize=8,
                fontweight="bold" if each["engine"] == "cllm" else None,
                arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.5, "shrinkB": 3},
                bbox={"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none"},
                zorder=4,
            )
    axes.set_title(f"{threads} thread{'s' * (threads > 1)}", loc="left")
    axes.set_xlabel("operations for each byte read")
    axes.set_ylabel("operations a second")
    axes.grid(True, which="major", color="#dddddd", lw=0.5)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def main(path: Path) -> None:
    figures = json.loads(path.read_text())
    threads = figures["settings"]["threads"]
    height = 5.0 * len(threads) + 0.4  # inches
    figure, panels = plot.subplots(len(threads), 1, figsize=(9.5, height), squeeze=False)
    figure.subplots_adjust(
        left=0.08,
        right=0.8,
        top=1 - 0.55 / height,
        bottom=0.5 / height,
        hspace=0.22,
    )
    for axes, count in zip(panels[:, 0], threads):
        panel(axes, figures, count)
    marks = [
        plot.Line2D([], [], marker=mark, ls="", color="#555555", label=f"{kind}")
        for kind, mark in MARKERS.items()
    ]
    panels[0, 0].legend(handles=marks, loc="upper left", frameon=False)
    settings = figures["settings"]
    figure.suptitle(
        f"{figures['appliance']}: prompt {settings['prompt']}, answer {settings['answer']} tokens, "
        f"on {figures['machine']['cpu']}",
        x=0.08,
        y=1 - 0.1 / height,
        ha="left",
        va="top",
        fontsize=10,
    )
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    figure.savefig(path.with_suffix(".png"), dpi=130)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
