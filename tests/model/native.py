"""A model's generated code as a shared library: compiled kernel by kernel with its own flags, fed
with a packed image, and called as the engine calls it."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np

from cllm_gen.emit import tree
from cllm_gen.lower.output import Output
from cllm_gen.emit.render import environment, render
from cllm_gen.emit.syntax import parse
from cllm_gen.lower.kernel.resolve import resolve_all
from cllm_gen.lower.model.outputs import KV_BLOCK_TOKENS, LOGITS_MAX, ROWS_MAX, lowered, outputs
from cllm_gen.spec.model import Model
from cllm_gen.weights.gguf_file import GgufFile
from cllm_gen.weights.pack import image, weights_section
from tests.compiled import kept, sources

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-fPIC"]
UNDEFINED = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
STATIC = [
    "kernel_static/engine/model_image.c",
    "kernel_static/lib/mathematics.c",
    "kernel_static/runtime/workers.c",
    "kernel_static/platform/linux/vectors.c",
    "tests/model/native_workers.c",
    "tests/model/native_forward.c",
]


class Row(ctypes.Structure):
    """struct forward_row."""

    _fields_ = [
        ("token", ctypes.c_int32),
        ("position", ctypes.c_uint32),
        ("blocks", ctypes.POINTER(ctypes.c_uint32)),
        ("logits", ctypes.c_bool),
        ("hidden", ctypes.c_bool),
    ]


def build(folder: Path, model: Model, sets) -> Path:
    """Generates and compiles the model's code for these instruction sets; the library's path."""
    wanted = outputs(model, {"hosted": sets})
    parts = [render(output, environment()) for output in wanted]
    parts += [sources("kernel_static", "tests/model"), *FLAGS, *UNDEFINED]
    parts += [flag for isa in sets for flag in isa.all_flags]
    return kept(parts, lambda where: _compiled(where, model, sets, wanted), folder / "forward.so")


def _compiled(folder: Path, model: Model, sets, wanted: list[Output]) -> Path:
    """Formats and compiles the model's outputs in a folder."""
    generated = folder / "generated"
    for path, text in tree.texts(wanted).items():
        if not path.startswith(
            "kernels/"
        ):  # the compiler reads those, test_promises has them parsed
            parse(path, text)
        (generated / path).parent.mkdir(parents=True, exist_ok=True)
        (generated / path).write_text(text)
    (generated / "appliance.h").write_text(f'#include "models/{model.name}/model.h"\n')
    base = generated / "models" / model.name
    sources = {base / "forward.c": UNDEFINED, base / "kernels.c": UNDEFINED}
    sources |= {base / f"kernels__{isa.name}.c": [] for isa in sets}
    sources |= {
        generated / each.file: list(each.isa.all_flags)
        for each in resolve_all(lowered(model).requests, sets).values()
    }
    sources |= {ROOT / path: UNDEFINED for path in STATIC}
    objects = []
    for source, flags in sources.items():
        target = folder / f"{len(objects)}.o"
        folders = (ROOT / "kernel_static/include", ROOT / "kernel_static/platform/linux", generated)
        includes = [f"-I{path}" for path in folders]
        command = ["gcc", *FLAGS, *flags, *includes, "-c", str(source), "-o", str(target)]
        subprocess.run(command, check=True)
        objects.append(str(target))
    library = folder / "forward.so"
    subprocess.run(
        ["gcc", "-shared", "-pthread", *UNDEFINED, *objects, "-o", str(library)], check=True
    )
    return library


def pack(model: Model, path: Path) -> bytes:
    """The packed image without a tokenizer."""
    low = lowered(model)
    return b"".join(image(low, {"weights": weights_section(low, GgufFile(path))}))


def page_aligned(data: bytes) -> np.ndarray:
    """A copy of the bytes that starts on a page, as the loader leaves the image."""
    memory = np.empty(len(data) + 4096, np.uint8)
    start = -memory.ctypes.data % 4096
    memory[start : start + len(data)] = np.frombuffer(data, np.uint8)
    return memory[start : start + len(data)]


class Pass:
    """One loaded library with a KV cache of `blocks` blocks. A library holds one at a time, and keeps
    the number of workers that it was first given."""

    def __init__(
        self,
        library: Path,
        model: Model,
        packed: np.ndarray,
        isa: str | None,
        blocks: int,
        workers: int = 1,
    ):
        self.model, self.packed = model, packed
        self.lib = lib = ctypes.CDLL(str(library))
        for name in ("forward_logits", "forward_hidden"):
            getattr(lib, name).restype = ctypes.POINTER(ctypes.c_float)
            getattr(lib, name).argtypes = [ctypes.c_size_t]
        lib.test_start.restype = lib.test_open.restype = ctypes.c_bool
        lib.test_log.restype = lib.forward_instruction_set.restype = ctypes.c_char_p
        started = lib.test_start(
            ctypes.c_void_p(packed.ctypes.data),
            ctypes.c_size_t(len(packed)),
            isa and isa.encode(),
            ctypes.c_size_t(workers),
        )
        if not started:
            raise RuntimeError(lib.test_log().decode())
        block_bytes = lowered(model).block_bytes
        self.cache = page_aligned(
            b"\xff" * (blocks * block_bytes)
        )  # NaN wherever nothing was stored
        lib.forward_set_cache(ctypes.c_void_p(self.cache.ctypes.data), ctypes.c_size_t(blocks))

    @property
    def instruction_set(self) -> str:
        return self.lib.forward_instruction_set().decode()

    def step(
        self, rows: list[tuple[int, int, list[int], bool]], hidden: bool = False
    ) -> list[np.ndarray | None]:
        """Runs one step of (token, position, block table, logits); the logits that were asked. With
        `hidden`, all rows want their hidden states."""
        tables = [(ctypes.c_uint32 * len(blocks))(*blocks) for _, _, blocks, _ in rows]
        pointer = ctypes.POINTER(ctypes.c_uint32)
        array = (Row * len(rows))(
            *(
                Row(token, position, ctypes.cast(table, pointer), asked, hidden)
                for (token, position, _, asked), table in zip(rows, tables)
            )
        )
        self.lib.test_run(array, ctypes.c_size_t(len(rows)))
        wanted = self.model.vocabulary
        return [
            np.ctypeslib.as_array(self.lib.forward_logits(i), (wanted,)).copy() if row[3] else None
            for i, row in enumerate(rows)
        ]

    def hidden(self, row: int) -> np.ndarray:
        return np.ctypeslib.as_array(self.lib.forward_hidden(row), (self.model.width,)).copy()

    def logits(
        self, tokens: list[int], blocks: list[int] | None = None, step: int = LOGITS_MAX
    ) -> np.ndarray:
        """Next-token logits after every position of one sequence, `step` rows at a time."""
        blocks = blocks or list(range(-(-len(tokens) // KV_BLOCK_TOKENS)))
        found = []
        for start in range(0, len(tokens), step):
            part = tokens[start : start + step]
            found += self.step([(token, start + i, blocks, True) for i, token in enumerate(part)])
        return np.stack(found)


__all__ = ["KV_BLOCK_TOKENS", "LOGITS_MAX", "ROWS_MAX", "Pass", "build", "pack", "page_aligned"]
