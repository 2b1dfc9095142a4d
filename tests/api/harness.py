"""Generates an API into a folder, compiles it with a driver under sanitizers, and talks to it."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from types import TracebackType

from cllm_gen.emit import tree
from cllm_gen.lower.api.outputs import outputs
from cllm_gen.spec.api import Api
from tests.native import pipe

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "kernel_static"
SOURCES = ["json_error.c", "json_lexer.c", "json_read.c", "json_value.c", "json_write.c"]
SOURCES += ["percent.c", "text.c", "utf8.c"]
FLAGS = (
    "-std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
).split()
DEPTH = 32


def memory_source(name: str) -> Path:
    """buffer.c or arena.c, wherever kernel_static keeps it."""
    return next(path for path in STATIC.rglob(name))


def handler_text(families: list[Api], bodies: dict[str, str]) -> str:
    """Definitions of the families' handlers; one without a body says its name."""
    from cllm_gen.lower.api.router import handlers

    text = []
    for entry in handlers([route for family in families for route in family.routes]):
        unused = "".join(
            f" (void){name};"
            for name, there in (("parameters", entry["parameters"]), ("request", entry["request"]))
            if there
        )
        body = bodies.get(entry["handler"], f'json_write_raw(out, "{entry["handler"]}");')
        text.append(
            f"{entry['prototype']} {{\nstruct buffer *out = &exchange->answer;\n(void)out;{unused}\n{body}\n}}\n"
        )
    return "".join(text)


def build(folder: Path, families: list[Api], bodies: dict[str, str], before: str = "") -> Path:
    """The driver's executable, over everything that `families` generate."""
    wanted = tree.texts(outputs(families))
    for path, text in wanted.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder / "appliance.h").write_text(f"#define LIMIT_JSON_DEPTH {DEPTH}\n")
    (folder / "handlers.inc").write_text(before + handler_text(families, bodies))
    sources = [folder / path for path in wanted if path.endswith(".c")]
    sources += [STATIC / "lib" / name for name in SOURCES]
    sources += [
        memory_source("buffer.c"),
        memory_source("arena.c"),
        STATIC / "http/reject.c",
        STATIC.parent / "generated/metrics/table.c",
        Path(__file__).with_name("driver.c"),
        STATIC.parent / "tests/native_coroutine.c",
    ]
    output = folder / "driver"
    command = [
        "gcc",
        *FLAGS,
        f"-I{STATIC}/include",
        f"-I{folder}",
        f"-I{STATIC.parent}/generated",
        *map(str, sources),
        "-o",
        str(output),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return output


class Driver:
    """A running driver; a sanitizer's report ends it and fails the test that sees it end."""

    def __init__(self, path: Path):
        self.process = subprocess.Popen([str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.stdin = pipe(self.process.stdin)
        self.stdout = pipe(self.process.stdout)

    def __enter__(self) -> Driver:
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stdin.close()
        assert self.process.wait(timeout=30) == 0

    def ask(self, command: str, data: bytes) -> bytes:
        self.stdin.write(command.encode() + struct.pack("<I", len(data)) + data)
        self.stdin.flush()
        header = self.stdout.read(4)
        assert len(header) == 4, "the driver died; its report is on stderr"
        return self.stdout.read(struct.unpack("<I", header)[0])

    def dispatch(self, route: str, body: bytes | str) -> str:
        data = body.encode("utf-8") if isinstance(body, str) else body
        return self.ask("d", route.encode() + b"\n" + data).decode("utf-8")
