"""Builds the network stack once, with sanitizers, and gives each test a fresh process of it."""

import subprocess
from pathlib import Path

import pytest

from tests.native import METRICS
from tests.net.client import Client
from tests.net.kernel import STATIC, Kernel

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def program(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("net") / "harness"
    sources = sorted((ROOT / "kernel_static/net").glob("*.c")) + sorted(
        (ROOT / "tests/net").glob("*.c")
    )
    subprocess.run(
        [
            "gcc",
            "-std=gnu11",
            "-g",
            "-O1",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-fsanitize=address,undefined",
            "-fno-sanitize-recover=all",
            f"-I{ROOT}/tests/net",
            f"-I{ROOT}/kernel_static/include",
            f"-I{ROOT}/kernel_static/net",
            f"-I{ROOT}/generated",
            *map(str, sources),
            *(str(ROOT / each) for each in METRICS),
            str(ROOT / "kernel_static/lib/buffer.c"),
            "-o",
            str(out),
        ],
        check=True,
    )
    return out


@pytest.fixture
def boot(program):
    """Starts kernels with given command lines; each must end without a sanitizer's complaint."""
    running = []

    def start(words: str = STATIC, **more) -> Kernel:
        running.append(Kernel(program, words, **more))
        return running[-1]

    yield start
    for kernel in running:
        kernel.close()


@pytest.fixture
def kernel(boot) -> Kernel:
    """Address 10.0.2.15/24 from the command line; 10.0.2.2 is known to it."""
    return boot()


@pytest.fixture
def client(kernel) -> Client:
    return Client(kernel).connect()
