"""The size of quantised activations, one for all instruction sets: a row is ROW_HEADER bytes, then
BLOCK_BYTES for each block of 32 values. What they hold is the set's own affair."""

from __future__ import annotations

from cllm_gen.schedule.weight_layout import BLOCK

ROW_HEADER, BLOCK_BYTES = 64, 128


def quantized_bytes(columns: int) -> int:
    """Bytes of a quantised row of `columns` values, enough for every instruction set."""
    return ROW_HEADER + columns // BLOCK * BLOCK_BYTES
