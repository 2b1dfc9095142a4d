"""What every matrix kernel has in common: its arguments and algorithm, the loop over tiles and rows,
and what becomes of a tile's sums."""

from cllm_gen.spec.kernel import Kernel, Schedule
from cllm_gen.schedule.weight_layout import TILE_ROWS, layout_of
from specs.kernels.gates import gated, gelu, silu

_GATES = {"swiglu": silu, "geglu": gelu}
_QUANTIZING = ("amx",)  # sets whose gated products come out quantised
_USES = {
    "matmul": (
        "Products of rows with a {} matrix.",
        """
        for r < rows, n < N
        y[r, n] = sum(k < K: x[r, k] * w[n, k])
        """,
    ),
    "matmul_add": (
        "Adds products with a {} matrix to y: a residual.",
        """
        for r < rows, n < N
        y[r, n] = y[r, n] + sum(k < K: x[r, k] * w[n, k])
        """,
    ),
    "swiglu": (
        "Products with two {} matrices, joined by a SiLU gate (arXiv:2002.05202).",
        """
        for r < rows, n < N
        g[r, n] = sum(k < K: x[r, k] * gate[n, k])
        y[r, n] = g[r, n] / (1 + exp(-g[r, n])) * sum(k < K: x[r, k] * up[n, k])
        """,
    ),
    "geglu": (
        "Products with two {} matrices, joined by a GELU gate (arXiv:2002.05202).",
        """
        for r < rows, n < N
        g[r, n] = sum(k < K: x[r, k] * gate[n, k])
        h[r, n] = 1.5957691216057308 * (g[r, n] + 0.044715 * g[r, n] * g[r, n] * g[r, n])
        y[r, n] = g[r, n] / (1 + exp(-h[r, n])) * sum(k < K: x[r, k] * up[n, k])
        """,
    ),
}


def matrices(operation):
    """The matrix arguments of an operation."""
    return ("gate", "up") if operation in _GATES else ("w",)


def kernels(type_name, title, schedules):
    """The four uses of a matrix of one type; all write the outputs of tiles first to last - 1.
    `schedules` maps a set's name to (set, steps, summary); steps(operation, type_name) is what
    traces the operation."""
    return tuple(
        Kernel(
            operation=operation,
            type=type_name,
            summary=summary.format(title),
            shape=("N", "K"),
            arguments={
                "rows": "size",
                "first": "size",
                "last": "size",
                "q": "in bytes",
                **{name: "in bytes" for name in matrices(operation)},
                "y": "out f32",
            },
            algorithm=algorithm,
            schedules={
                name: Schedule(
                    isa,
                    steps(operation, type_name),
                    text,
                    quantizes=operation in _GATES and name in _QUANTIZING,
                )
                for name, (isa, steps, text) in schedules.items()
            },
        )
        for operation, (summary, algorithm) in _USES.items()
    )


def tiles(together, sums):
    """Steps that take tile by tile, each with `together` rows at a time. `sums(p, type_name, K,
    weights, r, count, name)` gives for each of `count` rows from r on the vectors of a tile's sums;
    what it declares outside loops begins with `name`."""

    def steps(operation, type_name):
        def matmul(p, N, K):
            size = layout_of(type_name).tile_bytes(K)
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
        if operation in _GATES:
            value = gated(p, f"{y.text}_{c}", _GATES[operation], *parts)
        elif operation == "matmul_add":
            value = p.add_f32(p.load_f32(place), parts[0])
        else:
            value = parts[0]
        p.do(p.store_f32(place, value))
