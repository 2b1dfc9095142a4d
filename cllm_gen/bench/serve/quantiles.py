"""Percentiles of times."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

PARTS = (0.5, 0.9, 0.99, 0.999)


@dataclass(frozen=True)
class Quantiles:
    """Seconds that so many of `count` values do not exceed (nearest rank); with few values the high
    percentiles are the largest one."""

    count: int
    p50: float
    p90: float
    p99: float
    p999: float

    @staticmethod
    def of(values: Iterable[float]) -> Quantiles | None:
        """None without values."""
        ordered = sorted(values)
        if not ordered:
            return None
        ranks = (max(math.ceil(part * len(ordered)), 1) for part in PARTS)
        return Quantiles(len(ordered), *(ordered[rank - 1] for rank in ranks))

    @property
    def jitter(self) -> float:
        """How much later than at the median the latest one of a thousand comes."""
        return self.p999 - self.p50
