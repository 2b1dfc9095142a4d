"""How names of the notations are spelled in C."""

from __future__ import annotations

import re


def c_name(name: str) -> str:
    """`Don't Fragment (DF)` is `df`, `10 Mb/s (10)` is `10`, `Source Port` is `source_port`."""
    short = re.search(r"\(([^()]+)\)\s*$", name)
    plain = (short.group(1) if short else name).replace("'", "")
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
