"""The choice of accelerator, the command line, exit statuses, ports."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cllm_gen.machine import ports, qemu
from cllm_gen.machine.errors import RunFailed
from cllm_gen.machine.options import Options
from tests.targets import TARGETS


@pytest.fixture
def machine(monkeypatch):
    """Pretends to be on a host with these CPU flags and this /dev/kvm."""

    def pretend(flags: str, kvm: Exception | None) -> tuple[str, str]:
        monkeypatch.setattr(Path, "read_text", lambda self: f"flags\t\t: fpu sse2 {flags}\n")

        def opened(path, mode):
            assert path == "/dev/kvm"
            if kvm:
                raise kvm
            return 99

        monkeypatch.setattr(qemu.os, "open", opened)
        monkeypatch.setattr(qemu.os, "close", lambda descriptor: None)
        return qemu.accelerator()

    return pretend


def test_kvm_only_with_the_flag_and_a_usable_device(machine):
    assert machine("vmx", None)[0] == "kvm"
    assert machine("svm", None)[0] == "kvm"
    assert machine("", None) == ("tcg", "this processor shows neither vmx nor svm")
    assert machine("vmxyz", None)[0] == "tcg"
    denied = PermissionError(13, "Permission denied")
    assert machine("vmx", denied) == ("tcg", "/dev/kvm: Permission denied")


@pytest.mark.parametrize("code", [0, 1, 7, 101])
def test_exit_codes_survive_the_debug_exit_device(code: int):
    assert qemu.exit_code((16 + code) * 2 + 1) == code


def test_statuses_that_are_not_the_kernels():
    assert qemu.exit_code(1) is None, "QEMU's own failure"
    assert qemu.exit_code(-9) is None and qemu.exit_code(34) is None
    assert qemu.exit_code(0) == qemu.RESET_CODE != 0, "a machine that reset did not succeed"


def test_command_line():
    folder = Path("/somewhere/build/a/x86_64")
    command, told = qemu.command(
        TARGETS["x86_64"].loader,
        folder / "image.elf",
        folder.parent / "model.pack",
        8123,
        Options(memory=256, cpus=3, nic="e1000e", append="log=debug"),
    )
    text = " ".join(command)
    assert command[0] == "qemu-system-x86_64" and "-M pc " in text
    for part in (
        "-cpu max",
        "-m 256",
        "-smp 3",
        "-kernel image.elf",
        "-initrd ../model.pack",
        "-append log=debug",
        "hostfwd=tcp:127.0.0.1:8123-:80",
        "-device e1000e,",
        "isa-debug-exit,iobase=0xf4",
        "-serial stdio",
        "-display none",
        "-no-reboot",
    ):
        assert part in text, part
    assert told[0].startswith("accelerator: ") and "-S" not in command
    kind = told[0].split()[1]
    assert ("-accel tcg,thread=multi" if kind == "tcg" else "-accel kvm") in text
    paused, told = qemu.command(
        TARGETS["i386"].loader, folder / "image.elf", None, 1, Options(cpu="coreduo", gdb=True)
    )
    assert "-S" in paused and "-initrd" not in paused and "-cpu coreduo" in " ".join(paused)
    assert any("127.0.0.1:1234" in line for line in told)


def test_busy_port_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RunFailed, match=rf"port {port} of 127\.0\.0\.1 .* PORT={port + 1}"):
            ports.claim_port(port)
    ports.claim_port(ports.free_port())
