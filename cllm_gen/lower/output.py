"""A file to be generated: which template renders which context, and the recipe its banner states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Output:
    """One generated file.

    path        below `generated/`, with forward slashes
    template    file name under `cllm_gen/emit/templates/`
    context     what the template sees: settled names, sizes and order; templates do no arithmetic
    specs       the spec files that made it, as `Span.path` gives them
    parameters  anything else that changes the bytes (device name, instruction set, shapes ...)
    """

    path: str
    template: str
    context: Mapping[str, Any]
    specs: Sequence[str]
    parameters: Mapping[str, Any] = field(default_factory=dict)
