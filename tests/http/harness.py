"""Drives harness.c: HTTP in a process of its own, over streams in memory, sanitizers on."""

from __future__ import annotations

import os
import re
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cllm_gen.spec.appliance import Limits
from tests.native import METRICS, pipe

ROOT = Path(__file__).resolve().parent.parent.parent
LIMITS = Limits(shared_bytes=2 << 20)
FLAGS = (
    "-std=gnu11 -g -O1 -DDEBUG -Wall -Wextra -Werror "
    "-fsanitize=address,undefined -fno-sanitize-recover=all"
).split()
SHARED = ["arena", "buffer", "coroutine", "json_write", "percent", "text", "utf8"]


def _build(folder: Path, name: str, sources: list[Path]) -> Path:
    """Compiles HTTP, the test routes and these sources with the default limits."""
    lines = [f"#define LIMIT_{field.upper()} {value}" for field, value in vars(LIMITS).items()]
    lines += [
        '#define ACCESS_KEYS ""',
        '#define ACCESS_ORIGINS ""',
        "#define MEMORY_STACK (256 * 1024)",
    ]
    (folder / "appliance.h").write_text("\n".join(lines) + "\n")
    static = ROOT / "kernel_static"
    sources = [
        *sorted((static / "http").glob("*.c")),
        *sorted((static / "mem").glob("*.c")),
        *(static / f"lib/{name}.c" for name in SHARED),
        ROOT / "tests/http/routes.c",
        *(ROOT / each for each in METRICS),
        *sources,
    ]
    folders = [static / "include", folder, ROOT / "tests/http", ROOT / "generated"]
    includes = [f"-I{each}" for each in folders]
    program = folder / name
    subprocess.run(["gcc", *FLAGS, *includes, *map(str, sources), "-o", str(program)], check=True)
    return program


def build(folder: Path) -> Path:
    """HTTP over streams in memory."""
    side_stack = ROOT / "kernel_static/platform/linux/side_stack.c"
    return _build(folder, "harness", [ROOT / "tests/http/harness.c", side_stack])


def build_server(folder: Path) -> Path:
    """HTTP over the hosted platform's sockets."""
    static = ROOT / "kernel_static"
    platform = sorted((static / "platform/linux").glob("*.c"))
    rest = [
        static / "runtime/command_line.c",
        static / "runtime/log.c",
        ROOT / "tests/http/server.c",
    ]
    return _build(folder, "server", [*platform, *rest])


class Harness:
    """One process. Methods are the commands of harness.c."""

    def __init__(self, program: Path, words: str = "") -> None:
        # What lies in the process's arenas is not leaked: it ends without a shutdown.
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
        self.process = subprocess.Popen(
            [str(program), words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        self.stdin = pipe(self.process.stdin)
        self.stdout = pipe(self.process.stdout)
        self.stderr = pipe(self.process.stderr)

    def _read(self, count: int) -> bytes:
        data = self.stdout.read(count)
        if len(data) != count:
            errors = self.stderr.read().decode()
            raise AssertionError(f"the kernel code died ({self.process.wait()}):\n{errors}")
        return data

    def command(self, letter: str, stream: int = 0, number: int = 0, data: bytes = b"") -> bytes:
        try:
            header = letter.encode() + struct.pack("<III", stream, number, len(data))
            self.stdin.write(header + data)
            self.stdin.flush()
        except BrokenPipeError:
            pass  # the reading says why
        return self._read(struct.unpack("<I", self._read(4))[0])

    def open(self, stream: int = 0) -> None:
        assert self.command("O", stream) == b"1"

    def feed(self, data: bytes, piece: int = 0, stream: int = 0) -> None:
        self.command("F", stream, piece, data)

    def output(self, stream: int = 0) -> tuple[str, bytes]:
        answer = self.command("G", stream)
        return answer[:1].decode(), answer[1:]

    def exchange(self, data: bytes, piece: int = 0) -> tuple[str, bytes]:
        """A fresh connection, these bytes, and what came back."""
        self.open()
        self.feed(data, piece)
        return self.output()

    def advance(self, seconds: float) -> None:
        self.command("T", number=int(seconds * 1000))

    def answer(self, how: int, data: bytes = b"") -> bytes:
        return self.command("A", number=how, data=data)

    def make_room(self) -> int:
        """The stream that was reset to make room, -1 if none could be spared."""
        return int(self.command("S"))

    def settled(self, stream: int, yes: bool) -> None:
        self.command("U", stream, int(not yes))

    def heap(self) -> tuple[int, int]:
        """Bytes of heap in use, and how often a handler was told that its client is gone."""
        used, gone = self.command("H").split()
        return int(used), int(gone)

    def metrics(self) -> dict[str, float]:
        """The page's numbers, by name and label."""
        rows = self.command("M").decode().splitlines()
        pairs = [row.rsplit(" ", 1) for row in rows if not row.startswith("#")]
        return {name.removeprefix("cllm_"): float(number) for name, number in pairs}

    def log(self) -> str:
        return self.command("D").decode()

    def stop(self) -> None:
        self.stdin.close()
        errors = self.stderr.read().decode()
        assert self.process.wait() == 0, errors


@dataclass
class Response:
    status: int
    fields: dict[str, str]
    body: bytes


def parse_responses(data: bytes, methods: list[str] | None = None) -> list[Response]:
    """Responses back to back, read strictly; `methods` tells which answer HEAD. Interim responses
    are left in the list."""
    responses: list[Response] = []
    methods = list(methods or [])
    while data:
        head, separator, data = data.partition(b"\r\n\r\n")
        assert separator, head
        line, *rows = head.decode("ascii").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 (\d\d\d) [A-Z][A-Za-z ]+", line)
        assert match, line
        status = int(match[1])
        fields: dict[str, str] = {}
        for row in rows:
            name, value = row.split(": ", 1)
            assert name.lower() not in fields, row
            fields[name.lower()] = value
        body = b""
        method = methods.pop(0) if methods and status >= 200 else "GET"
        if status < 200 or status == 204 or method == "HEAD":
            assert status >= 200 or not fields
        elif fields.get("transfer-encoding") == "chunked":
            while True:
                size, _, data = data.partition(b"\r\n")
                count = int(size, 16)
                body += data[:count]
                assert data[count : count + 2] == b"\r\n"
                data = data[count + 2 :]
                if not count:
                    break
        elif "content-length" in fields:
            count = int(fields["content-length"])
            assert len(data) >= count, (count, data)
            body, data = data[:count], data[count:]
        else:
            body, data = data, b""
        responses.append(Response(status, fields, body))
    return responses
