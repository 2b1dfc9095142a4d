"""Ours over each peer, in two ways: of the medians of all rounds, and the median of what each round
says by itself. Engines take turns within a round, so a disturbance of some seconds that moves the
medians touches few of the rounds' own ratios."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from cllm_gen.bench.contest import OURS, Entrant


@dataclass(frozen=True)
class Ratio:
    """How many times the peer's rate ours is: `of_medians`, and by round the median, the least and
    the most."""

    of_medians: float
    in_rounds: float
    least: float
    most: float

    @staticmethod
    def of(ours: list[float], theirs: list[float]) -> Ratio:
        """Of the rates of each round; a peer that failed has the first rounds only."""
        rounds = [mine / other for mine, other in zip(ours, theirs)]
        return Ratio(
            statistics.median(ours) / statistics.median(theirs),
            statistics.median(rounds),
            min(rounds),
            max(rounds),
        )


def ratios(entrants: list[Entrant], threads: int) -> dict[str, dict[str, Ratio]]:
    """By the peer's title: of `prefill` and of `decode`, at one number of threads; first the peers that
    answer as the file says."""
    rows = [each for each in entrants if each.threads == threads and each.runs]
    ours = next((each for each in rows if each.engine == OURS), None)
    if ours is None:
        return {}
    return {
        peer.title: {
            what: Ratio.of(*([getattr(run, what) for run in each.runs] for each in (ours, peer)))
            for what in ("prefill", "decode")
        }
        for peer in sorted(rows, key=lambda each: not each.near)
        if peer is not ours
    }
