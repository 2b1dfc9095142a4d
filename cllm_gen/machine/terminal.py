"""Ctrl-C for the run alone: `make` would otherwise get it too and call a clean end an error."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import Iterator


@contextmanager
def foreground() -> Iterator[None]:
    """While this lasts, this process is a process group of its own and the terminal's foreground
    one, if there is a terminal and it is ours to take; afterwards the former group is again."""
    if not sys.stdin.isatty() or os.getpgrp() != os.tcgetpgrp(sys.stdin.fileno()):
        yield
        return
    terminal, former = sys.stdin.fileno(), os.getpgrp()
    if former == os.getpid():
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
