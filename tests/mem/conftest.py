import ctypes
import mmap
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ["mem/heap", "mem/memory", "mem/tlsf", "lib/arena", "lib/buffer"]
FLAGS = (
    "-std=gnu11 -O1 -g -Wall -Wextra -Werror -fPIC -shared -fsanitize=undefined "
    "-fno-sanitize-recover=all"
).split()


class Heap:
    """The heap over memory of its own. Size: of the heap; as much again is left to reserve."""

    def __init__(self, library, size):
        self.lib = library
        self.size = size
        self.memory = mmap.mmap(-1, 2 * size)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        pointer, count = ctypes.c_void_p, ctypes.c_size_t
        for name, result, *arguments in [
            ("heap_allocate", pointer, count),
            ("heap_allocate_aligned", pointer, count, count),
            ("heap_resize", pointer, pointer, count),
            ("heap_release", None, pointer),
            ("heap_check", ctypes.c_bool),
            ("memory_reserve", pointer, count),
            ("memory_available", count),
            ("try_release", ctypes.c_char_p, pointer),
            ("try_resize", ctypes.c_char_p, pointer, count),
            ("try_start", ctypes.c_char_p, pointer, count, count),
            ("statistic_used", count),
            ("statistic_total", count),
            ("statistic_peak", count),
            ("statistic_failures", ctypes.c_uint64),
            ("statistic_balance", ctypes.c_uint64),
            ("arena_allocate", pointer, pointer, count),
            ("arena_resize", pointer, pointer, pointer, count, count),
        ]:
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        assert self.lib.try_start(self.address, 2 * size, size) == b""

    def __getattr__(self, name):
        return getattr(self.lib, name)


def build(folder, *defines):
    output = folder / "heap.so"
    files = [str(ROOT / f"kernel_static/{name}.c") for name in SOURCES]
    files.append(str(ROOT / "tests/mem/driver.c"))
    include = f"-I{ROOT / 'kernel_static/include'}"
    subprocess.run(["gcc", *FLAGS, *defines, include, *files, "-o", str(output)], check=True)
    return ctypes.CDLL(str(output))


@pytest.fixture(scope="session", params=["debug", "release"])
def any_library(request, tmp_path_factory):
    defines = ["-DDEBUG"] if request.param == "debug" else []
    return build(tmp_path_factory.mktemp(request.param), *defines)


@pytest.fixture(scope="session")
def debug_library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("debug"), "-DDEBUG")


@pytest.fixture
def heap(any_library):
    """A heap of 256 KiB, in both kinds of build."""
    return Heap(any_library, 256 * 1024)


@pytest.fixture
def debug_heap(debug_library):
    return Heap(debug_library, 256 * 1024)
