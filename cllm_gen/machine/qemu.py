"""How a bare-metal image is run under QEMU: the command, and what its exit status means."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from cllm_gen.machine.errors import RunFailed
from cllm_gen.machine.options import Options
from cllm_gen.spec.target import Qemu

_EXIT_BASE = 16  # kernel_static/platform/pc/exit.c
RESET_CODE = 102
"""Exit code of a machine that reset or switched itself off: no kernel of ours does."""


def accelerator() -> tuple[str, str]:
    """The accelerator, kvm or tcg, and why. KVM is used only where the processor itself has the flag for it:
    /dev/kvm may exist where nothing backs it."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        flags = set()
    if not flags & {"vmx", "svm"}:
        return "tcg", "this processor shows neither vmx nor svm"
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
    except OSError as error:
        return "tcg", f"/dev/kvm: {error.strerror}"
    return "kvm", "this processor and /dev/kvm allow it"


def _firmware(loader: Qemu, vga: bool) -> list[str]:
    """The loader's own saves a good part of the boot; a VGA adapter needs the machine's, which is also
    the answer where QEMU came without the other."""
    if vga:
        return []
    asked = subprocess.run([loader.command, "-L", "help"], capture_output=True, text=True)
    found = any((Path(folder) / loader.firmware).exists() for folder in asked.stdout.splitlines())
    return ["-bios", loader.firmware] if found else []


def _display(emulator: str, vga: bool) -> tuple[list[str], str]:
    """Arguments for the screen, and a line to tell the user where it is."""
    if not vga:
        return ["-display", "none", "-vga", "none"], ""
    known = subprocess.run([emulator, "-display", "help"], capture_output=True, text=True).stdout
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        for kind in ("gtk", "sdl"):
            if kind in known.split():
                return ["-display", kind, "-vga", "std"], "the VGA console is in its own window"
    where = "no window system here: connect a VNC viewer to 127.0.0.1:5900 for the VGA console"
    return ["-display", "vnc=127.0.0.1:0", "-vga", "std"], where


def command(
    loader: Qemu, image: Path, model: Path | None, port: int, options: Options
) -> tuple[list[str], list[str]]:
    """QEMU's command line, to be run in the folder of `image` (so that file names hold no
    characters that QEMU takes for separators), and lines that tell the user what was chosen.
    The kernel listens on port 80 of the guest, which is `port` of 127.0.0.1 here."""
    emulator = loader.command
    if not shutil.which(emulator):
        raise RunFailed(f"{emulator} is not installed; `make setup` installs it")
    kind, why = accelerator()
    screen, screen_line = _display(emulator, options.vga)
    arguments = [emulator, "-nodefaults", "-no-user-config", "-no-reboot"]
    threads = ",thread=multi" if kind == "tcg" else ""  # one host thread for each CPU
    arguments += ["-M", loader.machine, "-accel", kind + threads, "-smp", str(options.cpus)]
    arguments += ["-cpu", options.cpu or "max", "-m", str(options.memory)]
    arguments += _firmware(loader, options.vga)
    arguments += ["-kernel", image.name]
    if model:
        arguments += ["-initrd", os.path.relpath(model, image.parent)]
    if options.append:
        arguments += ["-append", options.append]
    if options.nic:  # romfile= keeps the firmware from spending its time on network boot
        arguments += ["-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{port}-:80"]
        arguments += ["-device", f"{options.nic},netdev=net,romfile="]
    arguments += ["-device", loader.exit_device, "-serial", "stdio", *screen]
    told = [f"accelerator: {kind} ({why})"]
    told += [screen_line] if screen_line else []
    if options.gdb:
        arguments += ["-S", "-gdb", "tcp:127.0.0.1:1234"]
        told.append("paused for gdb on 127.0.0.1:1234; type `gdb` in the project's folder")
    return arguments, told


def exit_code(status: int) -> int | None:
    """The kernel's exit code out of QEMU's status; None when QEMU itself failed."""
    if status == 0:
        return RESET_CODE
    if status > 2 * _EXIT_BASE and status % 2 == 1:
        return (status - 1) // 2 - _EXIT_BASE
    return None
