"""How an image is started, beyond which one."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

CPUS_MOST = 16
"""CPUs that an image works on at most (kernel_static/include/workers.h)."""


def default_cpus() -> int:
    """Two, where this process may use so many: more guest CPUs than the host gives would wait for
    each other."""
    return min(2, len(os.sched_getaffinity(0)))


@dataclass(frozen=True)
class Options:
    """port    of 127.0.0.1, where it serves; none: a free one
    memory  MiB of a booted guest
    cpus    processors of a booted guest, or threads of a process
    cpu     QEMU's CPU model; none: all that the accelerator has
    nic     QEMU's network device; none: the first that the image drives
    append  more kernel command line
    gdb     start paused, with a gdb server
    vga     show the VGA console
    echo    the console goes to stdout as it comes
    """

    port: int | None = None
    memory: int = 512
    cpus: int = field(default_factory=default_cpus)
    cpu: str | None = None
    nic: str | None = None
    append: str = ""
    gdb: bool = False
    vga: bool = False
    echo: bool = False
