"""Builds an image if needed and runs it: for tests as a handle, for people with its console."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path

from cllm_gen.image.build import Image, build
from cllm_gen.machine import qemu
from cllm_gen.machine.errors import RunFailed
from cllm_gen.machine.options import Options
from cllm_gen.machine.ports import claim_port, free_port
from cllm_gen.machine.process import Machine
from cllm_gen.machine.terminal import foreground
from cllm_gen.spec.load import load_appliances

REFUSED_CODE = 2
"""Of a kernel that does not understand its command line: REFUSED_EXIT_CODE of include/exit_port.h."""
_QUESTION = '{"messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0}'


def start_image(image: Image, **settings) -> tuple[Machine, list[str]]:
    """Starts a built image; `settings` are the fields of Options. The handle, and lines that tell
    what was chosen. Raises RunFailed when the port is taken or QEMU is missing."""
    options = Options(**settings)
    port = options.port or free_port()
    claim_port(port)
    if image.target.loader is None:
        command = [
            str(image.image),
            f"port={port}",
            f"cpus={options.cpus}",
            *options.append.split(),
        ]
        if image.model:
            command.append(f"model={os.path.relpath(image.model, image.root)}")
        return Machine(command, image.root, port, lambda status: status, options.echo), []
    nic = options.nic or image.nics[0]
    if nic not in image.nics:
        drives = ", ".join(image.nics)
        raise RunFailed(f"the image has no driver for network device {nic!r}; it drives {drives}")
    options = replace(options, nic=nic)
    command, told = qemu.command(image.target.loader, image.image, image.model, port, options)
    return Machine(command, image.folder, port, qemu.exit_code, options.echo), told


def start(
    root: Path,
    target: str | None,
    appliance: str | None = None,
    debug: bool = False,
    sanitize: str | None = None,
    **settings,
) -> Machine:
    """Builds if needed and starts; for tests:

    with start(root, "x86_64", memory=256) as machine:
        machine.wait_ready()
        requests.get(machine.url + "/v1/models")
    """
    image = build(root, target, appliance, debug=debug, sanitize=sanitize)
    return start_image(image, **settings)[0]


def _interrupt(*_) -> None:
    raise KeyboardInterrupt


def run(root: Path, target: str | None, appliance: str | None, port: int = 8080, **settings) -> int:
    """Builds if needed, boots, streams the console to stdout and, once /health answers, prints the
    address. `settings` are the fields of Options. Returns 0 when it was interrupted, else the
    kernel's exit code."""
    options = Options(port=port, echo=True, **settings)
    chosen = load_appliances(root, appliance)[0].target(target)
    if options.gdb and chosen.is_process:
        raise RunFailed("--gdb is for booted targets; for a process: gdb --args build/.../image")
    claim_port(port)
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with foreground():
            return _run(root, chosen.name, appliance, options)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 0
    finally:
        signal.signal(signal.SIGTERM, previous)


def _run(root: Path, target: str, appliance: str | None, options: Options) -> int:
    print(f"build {target}", file=sys.stderr, flush=True)
    image = build(root, target, appliance, debug=options.gdb)
    print(image.summary(), file=sys.stderr, flush=True)
    machine, told = start_image(image, **asdict(options))
    with machine:
        for line in told:
            print(line, file=sys.stderr, flush=True)
        _announce(machine, patient=options.gdb)
        return _ended(machine)


def _announce(machine: Machine, patient: bool) -> None:
    """Waits for /health and says where to go."""
    while machine.process.poll() is None:
        try:
            seconds = machine.wait_ready(timeout=86400 if patient else 60)
        except RunFailed:
            if machine.process.poll() is None:
                print("no answer from /health yet; still waiting", file=sys.stderr, flush=True)
            continue
        print(
            f"\nready after {seconds:.2f} s at {machine.url} (Ctrl-C ends it); try\n\n"
            f"curl {machine.url}/v1/chat/completions -H 'Content-Type: application/json' "
            f"-d '{_QUESTION}'\n",
            flush=True,
        )
        return


def _ended(machine: Machine) -> int:
    """Waits for the end and says how it came."""
    code = machine.wait_exit()
    if code == qemu.RESET_CODE:
        print("the machine reset itself (a triple fault) or was switched off", file=sys.stderr)
    elif code == REFUSED_CODE:
        print("the kernel refuses its command line; its log says which word", file=sys.stderr)
    elif code != 0:
        print(f"the kernel ended with code {code}", file=sys.stderr)
    return code
