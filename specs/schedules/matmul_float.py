"""Products with weights that are floats in the file: f16, bf16 and f32, each widened to f32
and multiplied by activations that nothing has rounded. `q` is rows of K floats."""

from cllm_gen.schedule.weight_layout import TILE_ROWS
from specs.isa.avx2 import avx2
from specs.isa.avx512 import avx512
from specs.isa.sse2 import sse2
from specs.schedules.halves import load_halves
from specs.schedules.matmul_results import tiles

_HIGH = -(2**16)  # the mask of a lane's high half


def _f32(p, weights, k, c, chain):
    place = weights + (k * (4 * TILE_ROWS) + 4 * p.lanes("add_f32") * c)
    return [p.load_f32(place.cast("f32"))]


def _f16(p, weights, k, c, chain):
    return [load_halves(p, weights + (k * (2 * TILE_ROWS) + 2 * p.lanes("add_f32") * c))]


def _bf16(p, weights, k, c, chain):
    """Two inputs: the high half of a float is a bf16."""
    place = weights + (k * (2 * TILE_ROWS) + 4 * p.lanes("add_f32") * c)
    pair = p.let(f"pair{c}_{chain}", p.load_i8(place))
    return [
        p.as_f32(p.shift_left_u32(pair, 16)),
        p.as_f32(p.and_i32(pair, p.broadcast_i32(_HIGH))),
    ]


_LOADS = {"f32": (_f32, 1), "f16": (_f16, 1), "bf16": (_bf16, 2)}


def _sums(p, type_name, K, weights, r, count, name):
    """Sums over inputs, of which neighbours go to `chains` sums so that none waits for the last."""
    load, together = _LOADS[type_name]
    lanes = p.lanes("add_f32")
    vectors = TILE_ROWS // lanes
    chains = max(together, 4 // vectors)  # for a row alone, and so for all
    x = p.pointer(f"{name}x", p.argument("q", "f32") + r * K)
    parts = [
        [
            [p.let(f"{name}sum{i}_{c}_{chain}", p.zero_f32()) for c in range(vectors)]
            for chain in range(chains)
        ]
        for i in range(count)
    ]
    with p.loop("k", K, step=chains) as k:
        for chain in range(0, chains, together):
            for c in range(vectors):
                for n, wide in enumerate(load(p, weights, k + chain, c, chain)):
                    w = p.let(f"w{c}_{chain + n}", wide)
                    for i in range(count):
                        one = p.broadcast_f32((x + i * K).at(k + (chain + n)))
                        p.add_product(parts[i][chain + n][c], w, one)
    return [
        [_joined(p, [chain[c] for chain in row], f"{name}{i}_{c}") for c in range(vectors)]
        for i, row in enumerate(parts)
    ]


def _joined(p, terms, name):
    """The sum of several values, named."""
    while len(terms) > 1:
        terms = [p.add_f32(a, b) for a, b in zip(terms[::2], terms[1::2])]
    return p.let(f"{name}_total", terms[0])


FLOATS = {
    "sse2": (sse2, tiles((1,), _sums), "4 outputs a vector"),
    "avx2": (avx2, tiles((2,), _sums), "8 outputs a vector, 2 rows share the weights"),
    "avx512": (
        avx512,
        tiles((4,), _sums),
        "16 outputs a vector, 4 rows share the weights",
    ),
}
