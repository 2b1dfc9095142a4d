"""The tokenizer and chat template as a hosted process under the address and undefined-behaviour
sanitizers. Whatever they object to ends the process, and with it the test."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

from cllm_gen.emit import tree
from cllm_gen.lower.output import Output
from tests.native import pipe

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = [
    "-std=gnu11",
    "-O1",
    "-g",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    f"-I{ROOT}/kernel_static/include",
]
SOURCES = [
    "tests/tokenizer/driver.c",
    "tests/native_coroutine.c",
    "kernel_static/lib/arena.c",
    "kernel_static/lib/buffer.c",
    "kernel_static/lib/text.c",
    "kernel_static/lib/utf8.c",
    *sorted(
        p.relative_to(ROOT).as_posix() for p in (ROOT / "kernel_static/engine").glob("tokenizer*.c")
    ),
    "kernel_static/engine/unicode.c",
    "kernel_static/engine/chat_text.c",
    "kernel_static/engine/chat_template.c",
]


SERVED = """#include "model.h"
bool {split}__split(const char *bytes, size_t count, const struct pretokenizer_sink *sink);
void {chat}__write_chat(struct chat_run *run);
static const struct language_model tested = {{.split = {split}__split, .write_chat = {chat}__write_chat}};
const struct language_model *const served_model = &tested;
"""
"""The model whose tokenizer and chat template a program has."""


def objects(folder: Path) -> list[Path]:
    """The static sources compiled once into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for source in SOURCES:
        target = folder / (Path(source).stem + ".o")
        if not target.exists():
            subprocess.run(["gcc", *FLAGS, "-c", str(ROOT / source), "-o", str(target)], check=True)
        made.append(target)
    return made


def build(folder: Path, outputs: list[Output], static: list[Path]) -> Path:
    """A program with the generated pre-tokenizer and chat template among `outputs`; every file is
    formatted and parsed as `cllm-gen generate` does it."""
    sources = []
    for path, text in tree.texts(outputs).items():
        tree.parse(path, text)
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        sources.append(str(file))
    names = {output.template: output.parameters["model"] for output in outputs}
    served = folder / "served.c"
    served.write_text(
        SERVED.format(split=names["pretokenizer.c.j2"], chat=names["chat_template.c.j2"])
    )
    sources.append(str(served))
    program = folder / "driver"
    subprocess.run(["gcc", *FLAGS, *sources, *map(str, static), "-o", str(program)], check=True)
    return program


class Native:
    """One running program."""

    def __init__(self, program: Path, section: Path | None = None):
        command = [str(program)] + ([str(section)] if section else [])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.stdin = pipe(self.process.stdin)
        self.stdout = pipe(self.process.stdout)

    def close(self) -> int:
        self.stdin.close()
        return self.process.wait()

    def _send(self, *parts: int | bytes) -> None:
        data = b""
        for part in parts:
            data += (
                struct.pack("<i", part)
                if isinstance(part, int)
                else struct.pack("<I", len(part)) + part
            )
        self.stdin.write(data)
        self.stdin.flush()

    def _read(self, size: int) -> bytes:
        data = self.stdout.read(size)
        assert len(data) == size, f"the program stopped with {self.process.wait()}"
        return data

    def _number(self) -> int:
        return struct.unpack("<i", self._read(4))[0]

    def _tokens(self) -> list[int] | None:
        count = self._number()
        return None if count < 0 else list(struct.unpack(f"<{count}i", self._read(4 * count)))

    def encode(
        self, text: bytes, special: bool = True, capacity: int | None = None
    ) -> list[int] | None:
        """The tokens, or None where the C function returns -1."""
        self._send(
            ord("e"), int(special), 3 * len(text) + 1 if capacity is None else capacity, text
        )
        return self._tokens()

    def decode(self, tokens: list[int]) -> bytes:
        self._send(ord("d"), len(tokens), *tokens)
        return self._read(self._number())

    def split(self, text: str) -> list[str]:
        """The pieces that the pre-tokenizer cuts."""
        self._send(ord("p"), text.encode())
        pieces = []
        while size := self._number():
            pieces.append(self._read(size).decode())
        return pieces

    def describe(self, token: int) -> tuple[bool, bool, int]:
        """Whether it is special, whether it ends an answer; and the beginning token."""
        self._send(ord("k"), token)
        return bool(self._number()), bool(self._number()), self._number()

    def _chat(
        self, what: str, messages: list[tuple[bytes, bytes]], prompt: bool, capacity: int
    ) -> None:
        flat = [part for message in messages for part in message]
        self._send(ord(what), int(prompt), capacity, len(messages), *flat)

    def render(self, messages: list[tuple[bytes, bytes]], prompt: bool) -> tuple[bytes | None, str]:
        """The text, or None, and the error."""
        self._chat("r", messages, prompt, 0)
        good, text = self._number(), self._read(self._number())
        error = self._read(self._number()).decode()
        assert bool(good) == (error == "")
        return (text if good else None), error

    def chat_encode(
        self, messages, prompt: bool, capacity: int = 1 << 16
    ) -> tuple[list[int] | None, str]:
        self._chat("c", messages, prompt, capacity)
        return self._tokens(), self._read(self._number()).decode()

    def heap_room(self, size: int) -> None:
        """Largest block that the heap gives from now on."""
        self._send(ord("h"), size)

    def blocks(self) -> int:
        """Heap blocks that are not released."""
        self._send(ord("b"))
        return self._number()
