"""Opening connections: options, loss, the backlog, and numbers nobody can guess."""

import struct

import pytest

from tests.net import wire
from tests.net.client import Client
from tests.net.kernel import REFUSE, SECOND


def test_handshake_and_echo(kernel):
    kernel.mode(echo=True)
    client = Client(kernel).connect()
    (answer,) = client.send("PA", b"hello")
    assert answer.data == b"hello"
    assert answer.acknowledgment == client.next, "the answer carries the acknowledgment"
    assert answer.has("PA")
