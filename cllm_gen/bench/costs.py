"""What a token of a model costs at least, told from its GGUF file alone: the same for every engine.
Layers that see a window only are counted as if they saw all positions."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from cllm_gen.weights.gguf_file import GgufFile


@dataclass(frozen=True)
class Costs:
    """weight_bytes     of the matrices that every generated token is multiplied by, as stored
    decode_operations   of a generated token in those matrices (a multiply-add is two)
    prefill_operations  of a prompt's token: without the head, which only the last one goes through
    cache_values        keys and values that one position adds to the cache
    window              positions that layers with a sliding window see (0: there are none)
    """

    weight_bytes: int
    decode_operations: int
    prefill_operations: int
    cache_values: int

    def cache_bytes(self, positions: int, bytes_a_value: float) -> float:
        """Bytes of keys and values that a token at this position reads."""
        return self.cache_values * positions * bytes_a_value

    def decode_bytes(self, positions: int, bytes_a_value: float) -> float:
        """Bytes that a generated token reads: all weights once, and the cache."""
        return self.weight_bytes + self.cache_bytes(positions, bytes_a_value)


def costs(path: Path) -> Costs:
    """Raises ModelFileError for a file that cannot be read."""
    file = GgufFile(path)
    matrices = {name: each for name, each in file.tensors.items() if len(each.shape) == 2}
    head = "output.weight" if "output.weight" in matrices else "token_embd.weight"
    if head != "token_embd.weight":
        del matrices["token_embd.weight"]  # read a row at a time
    total = sum(prod(each.shape) for each in matrices.values())
    of = f"{file.metadata['general.architecture']}."
    heads = file.metadata[of + "attention.head_count"]
    groups = file.metadata.get(of + "attention.head_count_kv", heads)
    width = file.metadata.get(
        of + "attention.key_length", file.metadata[of + "embedding_length"] // heads
    )
    return Costs(
        weight_bytes=sum(each.size for each in matrices.values()),
        decode_operations=2 * total,
        prefill_operations=2 * (total - prod(matrices[head].shape)),
        cache_values=2 * groups * width * file.metadata[of + "block_count"],
    )
