"""Boots of debug images, in which `fault=` on the command line breaks a promise on purpose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cllm_gen.image.build import Image, compile_image
from cllm_gen.machine.process import Machine
from cllm_gen.machine.run import start_image
from cllm_gen.spec.load import load_appliances

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def debug_image() -> Callable[[str], Image]:
    """The debug image of a target, without a model."""
    appliance = load_appliances(ROOT)[0]
    return lambda target: compile_image(ROOT, target, appliance, debug=True)


@pytest.fixture(scope="session")
def boot(debug_image) -> Callable[..., Machine]:
    """Starts a debug image: boot("i386", "fault=panic", memory=128, cpus=2)."""

    def start(
        target: str, append: str, memory: int = 128, cpu: str | None = None, cpus: int = 1
    ) -> Machine:
        image = debug_image(target)
        return start_image(image, memory=memory, cpu=cpu, cpus=cpus, append=append)[0]

    return start
