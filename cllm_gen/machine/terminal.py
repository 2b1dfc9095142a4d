"""Ctrl-C for the run alone: `make` would otherwise get it too and call a clean end an error."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def _terminal() -> int | None:
    """The descriptor of the terminal whose foreground group this process is in, if there is one. (Standard input may
    be closed, and in a session of its own a process may read from a terminal that does not control it.)
    """
    try:
        terminal = sys.stdin.fileno()
        return terminal if os.tcgetpgrp(terminal) == os.getpgrp() else None
    except (AttributeError, OSError, ValueError):
        return None


@contextmanager
def foreground() -> Iterator[None]:
    """While this lasts, this process is a process group of its own and the terminal's foreground
    one, if there is a terminal and it is ours to take; afterwards the former group is again."""
    terminal, former = _terminal(), os.getpgrp()
    if terminal is None or former == os.getpid():
        yield
        return
    ignored = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.setpgid(0, 0)
    os.tcsetpgrp(terminal, os.getpgrp())
    try:
        yield
    finally:
        os.tcsetpgrp(terminal, former)
        os.setpgid(0, former)
        signal.signal(signal.SIGTTOU, ignored)
