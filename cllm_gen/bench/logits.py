"""Logits of one text, a row for each position, by each engine: ours by the image that serves with
another main (logits.c), a peer's by its worker. The text is the benchmark's passage in windows that
each begin anew, as the model's tokenizer begins a text."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cllm_gen.bench.peers import Peer
from cllm_gen.image.build import Image
from cllm_gen.image.variant import variant
from cllm_gen.machine.errors import RunFailed
from cllm_gen.machine.process import die_with_parent
from cllm_gen.spec.appliance import Appliance

_SOURCE = Path(__file__).with_name("logits.c")
WINDOW = 512  # tokens
KEPT_BYTES = 1 << 30
"""Of a text's logits in float32: a model with a large vocabulary goes through fewer windows."""


@dataclass(frozen=True)
class Text:
    """windows     tokens; all but the last are WINDOW long
    vocabulary  floats of a row
    """

    windows: tuple[tuple[int, ...], ...]
    vocabulary: int

    @staticmethod
    def of(tokens: list[int], begin: list[int], vocabulary: int) -> Text:
        """Of a text's tokens without those that begin it, which every window gets. As many windows as
        KEPT_BYTES allow, one at least."""
        step = WINDOW - len(begin)
        windows = [(*begin, *tokens[i : i + step]) for i in range(0, len(tokens), step)]
        most = max(1, KEPT_BYTES // (4 * vocabulary * (WINDOW - 1)))
        return Text(tuple(each for each in windows[:most] if len(each) > 1), vocabulary)

    @property
    def following(self) -> list[int]:
        """For each row, the token that follows in the text."""
        return [token for window in self.windows for token in window[1:]]


def program(root: Path, spec: Appliance, image: Image) -> Path:
    """The image that gives logits instead of serving."""
    return variant(root, spec, image, _SOURCE)


def of_ours(binary: Path, image: Image, text: Text, rows: int, append: str) -> Iterator[np.ndarray]:
    """Float32 logits after every token but a window's last, computed `rows` tokens a step."""
    tokens = [token for window in text.windows for token in window]
    size = 4 * text.vocabulary
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stream, tempfile.TemporaryFile("w+") as console:
        try:
            process = subprocess.Popen(
                [str(binary), f"model={image.model}", "memory=2048", *append.split()],
                stdin=subprocess.PIPE,
                stdout=console,
                stderr=subprocess.STDOUT,
                pass_fds=(writer,),
                text=True,
                preexec_fn=die_with_parent,
            )
        finally:
            os.close(writer)
        assert process.stdin
        try:
            with process.stdin as questions:
                questions.write(" ".join(map(str, [writer, rows, WINDOW, len(tokens), *tokens])))
            for _ in text.following:
                row = stream.read(size)
                if len(row) < size:
                    process.wait()
                    console.seek(0)
                    raise RunFailed(f"no logits came:\n{console.read()[-1000:]}")
                yield np.frombuffer(row, np.float32)
        finally:
            process.kill()
            process.wait()


def of_peer(peer: Peer, text: Text, folder: Path) -> Iterator[np.ndarray]:
    """The same, a window at a time through a file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as private:
        path = Path(private) / "logits.npy"
        for window in text.windows:
            peer.ask(logits=window, to=str(path))
            yield from np.load(path, mmap_mode="r")
