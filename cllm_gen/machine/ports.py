"""TCP ports of 127.0.0.1."""

from __future__ import annotations

import socket

from cllm_gen.machine.errors import RunFailed


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def claim_port(port: int) -> None:
    """Raises RunFailed, naming the port, unless it can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError as error:
            raise RunFailed(
                f"port {port} of 127.0.0.1 cannot be used ({error.strerror}); "
                f"choose another: --port {port + 1}, or make run PORT={port + 1}"
            ) from None
