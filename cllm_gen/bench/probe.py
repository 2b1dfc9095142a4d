"""What this machine can do, measured by probe.c: memory bandwidth and multiplier peaks."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from cllm_gen.image.tool import run_tool

_SOURCE = Path(__file__).with_name("probe.c")
_FLAGS = "-std=gnu11 -O3 -Wall -Wextra -Werror -pthread".split()


@dataclass(frozen=True)
class Abilities:
    """cpu          its name and count
    working_set  bytes that the bandwidth was read from
    bandwidth    bytes a second that 1, 2, ... pinned threads read
    peaks        operations a second of 1, 2, ... threads by unit (`f32_avx512`, `int8_amx`, ...; a
                 multiply-add is two); units that the CPU lacks are absent
    """

    cpu: str
    working_set: int
    bandwidth: list[float]
    peaks: dict[str, list[float]]

    def best_unit(self, threads: int) -> str:
        """The unit with most operations a second."""
        return max(self.peaks, key=lambda unit: self.peaks[unit][threads - 1])


def cpu_name() -> str:
    """As /proc/cpuinfo says, with the number of processors."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{line.split(':', 1)[1].strip()}, {len(os.sched_getaffinity(0))} CPUs"
    return f"{len(os.sched_getaffinity(0))} CPUs"


def probe(root: Path, working_set: int, threads: int) -> Abilities:
    """Measures now and keeps the figures as build/bench/machine.json."""
    folder = root / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    binary = folder / "probe"
    if not binary.exists() or binary.stat().st_mtime_ns <= _SOURCE.stat().st_mtime_ns:
        run_tool(root, ["gcc", *_FLAGS, str(_SOURCE), "-o", str(binary)])
    found = json.loads(run_tool(root, [str(binary), str(working_set), str(threads)]))
    bandwidth = found.pop("bandwidth")
    abilities = Abilities(cpu_name(), working_set, bandwidth, found)
    (folder / "machine.json").write_text(json.dumps(asdict(abilities), indent=2) + "\n")
    return abilities


def known(root: Path, threads: int = 1) -> Abilities | None:
    """The kept figures, if they are of this CPU and of so many threads."""
    try:
        kept = json.loads((root / "build" / "bench" / "machine.json").read_text())
        abilities = Abilities(**kept)
    except (OSError, ValueError, TypeError):
        return None
    usable = abilities.cpu == cpu_name() and len(abilities.bandwidth) >= threads
    return abilities if usable else None
