"""The hosted platform: a process, real sockets, ordinary clients."""

import http.client
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
import requests

from tests.http.harness import LIMITS, build_server
from tests.http.messages import get, post


@pytest.fixture(scope="module")
def server_program(tmp_path_factory):
    return build_server(tmp_path_factory.mktemp("server"))


class Server:
    """The process, listening on a port of the host's choice."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen(
            [program, "port=0", *arguments], stdout=subprocess.PIPE, text=True
        )
        self.log = self.process.stdout.readline()
        self.port = int(re.search(r"listening on http://127\.0\.0\.1:(\d+)", self.log)[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def connect(self, timeout=30):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def stop(self, number=signal.SIGTERM):
        """Ends it as a person would; returns the log. The exit status must be 0."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.log += self.process.stdout.read()
            assert self.process.wait(30) == 0, self.log
        return self.log


@pytest.fixture
def server(server_program):
    running = Server(server_program)
    yield running
    running.stop()


def read_all(connection):
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


def test_http_client_keeps_its_connection(server):
    client = http.client.HTTPConnection("127.0.0.1", server.port)
    client.connect()
    local = client.sock.getsockname()
    for _ in range(20):
        client.request("GET", "/health")
        assert client.getresponse().read() == b"well"
        client.request("POST", "/echo", body=b"x" * 100_000)
        assert client.getresponse().read() == b"x" * 100_000
        client.request("GET", "/stream")
        assert client.getresponse().read() == b"onetwo"
    assert client.sock.getsockname() == local


def test_chunked_body_of_requests(server):
    parts = [b"a" * 70_000, b"b", b"c" * 3]
    answer = requests.post(server.url + "/echo", data=iter(parts), timeout=30)
    assert answer.content == b"".join(parts)


def test_curl_waits_for_continue(server, tmp_path):
    body = tmp_path / "body"
    body.write_bytes(bytes(range(256)) * 4000)
    command = ["curl", "-sS", "-H", "Expect: 100-continue", "--data-binary", f"@{body}"]
    try:
        run = subprocess.run([*command, server.url + "/echo"], stdout=subprocess.PIPE, check=True)
    except FileNotFoundError:
        pytest.skip("curl is not installed")
    assert run.stdout == body.read_bytes()


@pytest.mark.parametrize("path", ["/echo", "/none"])
def test_body_that_is_too_large(server, path):
    """The client learns why, although it is still sending when the answer goes out."""
    answer = requests.post(server.url + path, data=b"x" * (LIMITS.body_bytes + 1), timeout=30)
    assert answer.status_code == 413


def test_bytes_one_at_a_time(server):
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post(b"abc", "Content-Length: 3", "Connection: close"):
            connection.sendall(bytes([byte]))
        assert read_all(connection).endswith(b"\r\n\r\nabc")


def test_reader_slower_than_every_buffer(server):
    count = 40  # 12 MB: more than the host's own buffers take
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.settimeout(30)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(get("/large") * (count - 1) + get("/large", "Connection: close"))
        time.sleep(0.5)
        assert requests.get(server.url + "/health", timeout=30).ok
        data = read_all(connection)
    assert data.count(b"HTTP/1.1 200 OK") == count and data.count(b"x") >= count * 300_000


def test_many_clients_at_once(server):
    """More than there are slots: the rest wait in the host's backlog and are served in turn."""
    failures = []

    def client():
        try:
            for _ in range(5):
                answer = requests.post(server.url + "/echo", data=b"y" * 20_000, timeout=60)
                assert answer.content == b"y" * 20_000
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=client) for _ in range(LIMITS.connections + 16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_idle_connections_keep_nobody_out(server):
    """All slots are taken: a newcomer gets that of the connection idle longest, but not that of a request."""
    busy = server.connect()
    busy.sendall(get("/later"))
    idle = []
    for _ in range(LIMITS.connections - 1):
        idle.append(server.connect())
        time.sleep(0.005)
    started = time.monotonic()
    newcomers = [server.connect() for _ in range(2)]
    for newcomer in newcomers:
        newcomer.sendall(get())
        assert newcomer.recv(1000).startswith(b"HTTP/1.1 200 OK")
    assert time.monotonic() - started < 5
    for number, connection in enumerate([busy, *idle]):
        connection.settimeout(0.01)
        given_up = False
        try:
            connection.recv(1)
        except ConnectionResetError:
            given_up = True
        except TimeoutError:
            pass
        assert given_up == (number in (1, 2)), number
        connection.close()
    assert server.stop().count("idle longest, makes room") == 2


def test_resets_in_every_phase(server):
    reset = b"\1\0\0\0\0\0\0\0"  # linger on, for no time: close sends RST
    for message in (
        b"",
        get()[:9],
        post(b"a", "Content-Length: 9"),
        get("/later"),
        get("/large") * 9,
    ):
        for _ in range(5):
            connection = server.connect()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            connection.sendall(message)
            connection.close()
    assert requests.get(server.url + "/health", timeout=30).text == "well"
    in_use = int(re.search(r"(\d+) bytes of heap in use", server.stop())[1])
    assert in_use < 2 * (LIMITS.tcp_send_bytes + LIMITS.tcp_receive_bytes)  # the last client's


def test_half_closed_client_is_answered(server):
    with server.connect() as connection:
        connection.sendall(get() + get("/large"))
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection).count(b"200 OK") == 2


def test_idle_server_sleeps(server):
    """An open connection and nothing to do cost no processor time."""

    def used():
        fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])  # user and system, in ticks of 10 ms

    with server.connect() as open_one, server.connect() as half_closed:
        open_one.sendall(get())
        half_closed.sendall(get("/later"))
        time.sleep(0.3)
        before = used()
        time.sleep(1.5)
        assert used() - before < 50  # of 150


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(server_program, number):
    server = Server(server_program)
    assert requests.get(server.url + "/health", timeout=30).ok
    assert "bytes of heap in use" in server.stop(number)


def test_memory_argument(server_program):
    log = Server(server_program, "memory=64").stop()
    assert f"{(64 - 24) * 1024} KiB free" in log


def test_model_argument(server_program, tmp_path):
    image = tmp_path / "model.pack"
    image.write_bytes(b"PACKrest")
    process = subprocess.Popen(
        [server_program, "port=0", f"model={image}"], stdout=subprocess.PIPE, text=True
    )
    assert "image of 8 bytes begins with PACK" in process.stdout.readline()
    process.terminate()
    process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize(
    "argument, message",
    [
        ("memory=0", "memory=0: expected MiB from 32 to"),
        ("memory=lots", "memory=lots: expected MiB"),
        ("memory=", "memory=: expected MiB"),
        ("model=/no/such/file", "model=/no/such/file: No such file"),
        ("model=/tmp", "model=/tmp: expected a packed model image"),
    ],
)
def test_wrong_arguments_are_explained(server_program, argument, message):
    run = subprocess.run([server_program, "port=0", argument], capture_output=True, text=True)
    assert run.returncode == 2 and message in run.stdout + run.stderr


def test_address_or_port_that_cannot_be_had(server_program, server):
    for argument, code, message in [
        ("ip=999.1.1.1", 2, "ip=999.1.1.1: expected an address of this host"),
        ("port=65536", 2, "port=65536: expected a number from 0 to 65535"),
        ("prot=80", 2, "unknown word 'prot=': expected port="),
        (
            f"port={server.port}",
            1,
            f"cannot listen on 127.0.0.1:{server.port}: Address already in use",
        ),
    ]:
        run = subprocess.run([server_program, argument], capture_output=True, text=True)
        assert run.returncode == code and message in run.stdout
