"""Nonsense on the wire, against the booted kernel: a clear error or silence, and it goes on."""

import random
import socket
import time

import pytest
import requests

from cllm_gen.spec.load import load_appliances
from tests.native import ROOT

GOOD = b'POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"content":"a"}'


def exchange(machine, data, timeout=20):
    """Sends raw bytes, half-closes, and returns whatever came back."""
    with socket.create_connection(("127.0.0.1", machine.port), timeout=timeout) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received


@pytest.mark.parametrize(
    "data, status",
    [
        (b"GET /health HTTP/1.1\r\n\r\n", 400),
        (b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"PUT /health HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405),
        (b"GET /health HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        (b"BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"POST /tokenize HTTP/1.1\r\nHost: a\r\n\r\n", 411),
        (b"POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /health HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{x}", 400),
        (
            b'POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\n{"content":"\xff"}',
            400,
        ),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ],
)
def test_bad_requests_get_the_right_status(booted, data, status):
    answer = exchange(booted, data)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]


def test_random_bytes_and_mutations_do_not_stop_it(booted):
    rng = random.Random(20240607)
    for _ in range(60):
        data = bytearray(GOOD)
        for _ in range(rng.randrange(1, 12)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        exchange(booted, bytes(data[: rng.randrange(1, len(data) + 1)]))
        exchange(booted, rng.randbytes(rng.randrange(1, 400)))
    assert requests.get(booted.url + "/health", timeout=30).status_code == 200
    assert booted.process.poll() is None


def connections(machine, count):
    """So many, one by one: QEMU accepts no faster, and who is turned away tries again after a second."""
    made = []
    for _ in range(count):
        made.append(socket.create_connection(("127.0.0.1", machine.port), timeout=30))
        time.sleep(0.02)
    return made


def test_many_connections_at_once(booted):
    sockets = connections(booted, 100)
    try:
        for connection in sockets:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        for connection in sockets:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    finally:
        for connection in sockets:
            connection.close()


def test_idle_connections_keep_nobody_out(booted):
    """More of them than there are places: those beyond get in one by one, and so does who has a request."""
    places = load_appliances(ROOT)[0].limits.connections
    idle = connections(booted, places + 8)
    try:
        time.sleep(2)
        assert requests.get(booted.url + "/health", timeout=20).status_code == 200
        assert "idle longest, makes room" in booted.console
    finally:
        for connection in idle:
            connection.close()


def test_large_bodies_both_ways(booted):
    content = "".join(chr(0x4E00 + n % 2000) for n in range(60000))
    answer = requests.post(booted.url + "/tokenize", json={"content": content}, timeout=120)
    tokens = answer.json()["tokens"]
    back = requests.post(booted.url + "/detokenize", json={"tokens": tokens}, timeout=120).json()[
        "content"
    ]
    assert back == content
