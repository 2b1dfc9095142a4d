"""What schedules of matrix kernels have in common: the loop over tiles and rows, and what becomes of
a tile's sums."""

from cllm_gen.schedule.weight_layout import TILE_ROWS, layout_of
from specs.schedules.gates import gated, gelu, silu

GATES = {"swiglu": silu, "geglu": gelu}


def matrices(operation):
    """The matrix arguments of an operation."""
    return ("gate", "up") if operation in GATES else ("w",)


def tiles(together, sums):
    """Steps that take tile by tile, each with `together` rows at a time. `sums(p, type_name, K,
    weights, r, count, name)` gives for each of `count` rows from r on the vectors of a tile's sums;
    what it declares outside loops begins with `name`."""

    def steps(operation, type_name):
        def matmul(p, N, K):
            size = p.number("TILE_BYTES", layout_of(type_name).tile_bytes(K), K)
            with p.loop("tile", p.scalar("last"), start=p.scalar("first")) as tile:
                weights = [
                    p.pointer(f"{name}_tile", p.argument(name, "u8") + tile * size)
                    for name in matrices(operation)
                ]
                for r, count in p.tile_rows(*together):
                    found = [
                        sums(p, type_name, K, each, r, count, f"{name}_")
                        for name, each in zip(matrices(operation), weights)
                    ]
                    for i in range(count):
                        y = p.argument("y", "f32") + ((r + i) * N + tile * TILE_ROWS)
                        finish(p, operation, [each[i] for each in found], p.pointer(f"y{i}", y))

        return matmul

    return steps


def finish(p, operation, sums, y):
    """Leaves a row's sums, a list of vectors for each matrix, in places of y; a named pointer."""
    lanes = p.lanes("add_f32")
    for c, parts in enumerate(zip(*sums)):
        place = y + lanes * c
        if operation in GATES:
            value = gated(p, f"{y.text}_{c}", GATES[operation], *parts)
        elif operation == "matmul_add":
            value = p.add_f32(p.load_f32(place), parts[0])
        else:
            value = parts[0]
        p.do(p.store_f32(place, value))
