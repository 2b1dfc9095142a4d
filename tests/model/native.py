"""A model's generated code as a shared library: compiled kernel by kernel with its own flags, fed
with a packed image, and called as the engine calls it."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import numpy as np

from cllm_gen.emit import tree
from cllm_gen.emit.render import environment, render
from cllm_gen.emit.syntax import parse
from cllm_gen.lower.model import forward
from cllm_gen.lower.model.lowered import LOGITS_MAX, ROWS_MAX, lowered
from cllm_gen.lower.model.outputs import outputs
from cllm_gen.lower.output import Output
from cllm_gen.lower.served import outputs as served_outputs
from cllm_gen.schedule.kv_layout import ATTENTION_STRETCH
from cllm_gen.schedule.kv_layout import BLOCK_TOKENS as KV_BLOCK_TOKENS
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.isa import InstructionSet
from cllm_gen.spec.model import Model
from cllm_gen.weights.gguf_file import GgufFile
from cllm_gen.weights.pack import image, weights_section
from tests.compiled import kept, sources
from tests.kernels.sets import flags as compiler_flags
from tests.targets import TARGETS

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-fPIC"]
UNDEFINED = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
UNUSED = ("split", "write_chat", "chat_template")  # of a model's text, which no test here asks for
FEATURES = "kernel_static/cpu/x86/cpu_features.c"
EVERY_FEATURE = "tests/emulated/cpu_features.c"
STATIC = [
    "kernel_static/engine/attention.c",
    "kernel_static/engine/forward.c",
    "kernel_static/engine/kernel_choice.c",
    "kernel_static/engine/model_image.c",
    "kernel_static/engine/phases.c",
    "kernel_static/engine/step.c",
    "kernel_static/lib/mathematics.c",
    "kernel_static/lib/text.c",
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


def _appliance(model: Model, sets: Sequence[InstructionSet]) -> Appliance:
    """One that serves the model and has nothing else."""
    targets = {TARGETS["hosted"]: sets}
    return Appliance("test", "", [], model, devices=[], protocols=[], targets=targets)


def build(
    folder: Path, model: Model, sets, emulate: bool = False, stretch: int = ATTENTION_STRETCH
) -> Path:
    """Generates and compiles the model's code for these instruction sets; the library's path. With
    `emulate` those that this CPU lacks run too, slower. Attention is cut at multiples of `stretch`
    positions."""
    with patch.object(forward, "ATTENTION_STRETCH", stretch):
        wanted = [*outputs(model, sets), *served_outputs(_appliance(model, sets))]
    parts = [render(output, environment()) for output in wanted]
    parts += [sources("kernel_static", "tests/model"), *FLAGS, *UNDEFINED]
    flags = {
        level.name: compiler_flags(level) if emulate else list(level.all_flags)
        for isa in sets
        for level in isa.chain
    }
    features = EVERY_FEATURE if emulate else FEATURES
    parts += [sources("tests/emulated") if emulate else "", repr(flags)]
    return kept(
        parts, lambda where: _compiled(where, model, wanted, flags, features), folder / "forward.so"
    )


def _compiled(
    folder: Path, model: Model, wanted: list[Output], flags: dict[str, list[str]], features: str
) -> Path:
    """Formats and compiles the model's outputs in a folder."""
    generated = folder / "generated"
    for path, text in tree.texts(wanted).items():
        if not path.startswith(
            "kernels/"
        ):  # the compiler reads those, test_promises has them parsed
            parse(path, text)
        (generated / path).parent.mkdir(parents=True, exist_ok=True)
        (generated / path).write_text(text)
    sources = {ROOT / path: UNDEFINED for path in (features, *STATIC)}
    for file in sorted(generated.rglob("*.c")):
        if file.name not in ("pretokenizer.c", "chat_template.c"):
            kernel = file.parent.parent.name == "kernels"
            sources[file] = flags[file.parent.name] if kernel else UNDEFINED
    folders = (
        ROOT / "kernel_static/include",
        ROOT / "kernel_static/cpu/x86",
        ROOT / "kernel_static/platform/linux",
        generated,
    )
    includes = [f"-I{path}" for path in folders]

    def compile_one(item: tuple[int, Path]) -> str:
        number, source = item
        target = folder / f"{number}.o"
        command = ["gcc", *FLAGS, *sources[source], *includes, "-c", str(source), "-o", str(target)]
        subprocess.run(command, check=True)
        return str(target)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, enumerate(sources)))
    library = folder / "forward.so"
    # The pass alone.
    unused = [f"-Wl,--defsym={model.name}__{part}=0" for part in UNUSED]
    subprocess.run(
        ["gcc", "-shared", "-pthread", *UNDEFINED, *unused, *objects, "-o", str(library)],
        check=True,
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
        self, rows: list[tuple[int, int, list[int], bool]], hidden: bool | Sequence[bool] = False
    ) -> list[np.ndarray | None]:
        """Runs one step of (token, position, block table, logits); the logits that were asked. `hidden`
        says of all rows, or of each, whether they want their hidden states."""
        of_blocks = {
            tuple(blocks): (ctypes.c_uint32 * len(blocks))(*blocks) for _, _, blocks, _ in rows
        }  # one table a sequence: by it rows know each other
        tables = [of_blocks[tuple(blocks)] for _, _, blocks, _ in rows]
        pointer = ctypes.POINTER(ctypes.c_uint32)
        states = [hidden] * len(rows) if isinstance(hidden, bool) else hidden
        array = (Row * len(rows))(
            *(
                Row(token, position, ctypes.cast(table, pointer), asked, state)
                for (token, position, _, asked), table, state in zip(rows, tables, states)
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
        return np.stack([row for row in found if row is not None])


__all__ = ["KV_BLOCK_TOKENS", "LOGITS_MAX", "ROWS_MAX", "Pass", "build", "pack", "page_aligned"]
