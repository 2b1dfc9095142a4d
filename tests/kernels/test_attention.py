"""Attention over the cache against float64, on every set that this CPU has or that is emulated: lengths around a block,
several rows from odd positions, windows shorter and longer than what there is, parts of the groups.
"""

from __future__ import annotations

import numpy as np
import pytest

from cllm_gen.spec.kernel import KernelRequest
from tests.kernels.attention_cases import Cache, attend
from tests.kernels.harness import Library, aligned
from tests.kernels.sets import SETS, has, skip_without_emulation

SEED = 30_011
KV_TYPES = ("f16", "i8")
SHAPES = ((9, 3, 64), (4, 1, 256), (2, 2, 32), (4, 2, 128), (3, 1, 96))
WINDOWS = ((4, 1, 256, 40), (9, 3, 64, 7), (2, 2, 32, 32), (2, 2, 32, 300))
LENGTHS = (1, 31, 32, 33, 63, 65, 127, 500)
ROWS = (1, 2, 7, 31, 32, 33, 64)
BLOCK_BYTES = 2 * 2 * 32 * 1024 + 64 * 7  # more than any shape here needs, and odd
SCALE = (("scale", 0.31),)


def _bound(isa_name: str) -> float:
    """Largest error as a share of the largest value."""
    bounds = {"word32": 4e-4, "word64": 4e-4, "avx512_bf16": 3e-2, "amx": 3e-2}
    return bounds.get(isa_name, 3e-6)


def _requests() -> list[KernelRequest]:
    found = {KernelRequest("attention", kv, shape) for kv in KV_TYPES for shape in SHAPES}
    found |= {KernelRequest("attention_window", kv, shape) for kv in KV_TYPES for shape in WINDOWS}
    return sorted(found | {KernelRequest("attention", "f16", (2, 1, 64), SCALE)})


@pytest.fixture(scope="module", params=SETS, ids=lambda isa: isa.name)
def library(request, tmp_path_factory) -> Library:
    isa = request.param
    skip_without_emulation(isa)
    print(f"seed {SEED}")
    return Library(tmp_path_factory.mktemp(isa.name), isa, _requests())


def _calls(library) -> list[tuple[int, int]]:
    """Lengths with rows; a few of them where the set is emulated, which takes long."""
    lengths, rows = (LENGTHS, ROWS) if has(library.isa) else ((1, 33, 127), (1, 2, 33))
    return [(length, some) for length in lengths for some in rows if some <= length]


def _floats(rng, *shape, scale=1.0) -> np.ndarray:
    """Values with a few outliers, as models have."""
    x = rng.standard_normal(shape) * scale
    flat = x.reshape(-1)
    flat[rng.integers(0, flat.size, max(flat.size // 100, 1))] *= 8
    out = aligned(shape, np.float32)
    out[:] = x
    return out


def _check(library, request, length, rows, junk=0xA5, ranges=None):
    """Calls the kernel on the last `rows` of `length` positions, for each range of groups."""
    heads, groups, width, *window = request.shape
    rng = np.random.default_rng((SEED, length, rows, *request.shape))
    keys, values = (_floats(rng, length, groups, width) for _ in range(2))
    cache = Cache(request.type, keys, values, BLOCK_BYTES, rng, junk)
    q, outputs = _floats(rng, rows, heads, width, scale=1.5), library.outputs(request, rows)
    position, before = length - rows, outputs.memory.copy()
    asked = np.zeros((heads, width), bool)
    for first, last in ranges or [(0, groups)]:
        arguments = (rows, position, 0, length, first, last, q)
        cached = (cache.memory, BLOCK_BYTES, cache.blocks, None)
        library.call(request, *arguments, *cached, outputs.memory)
        asked[first * (heads // groups) : last * (heads // groups)] = True
    assert outputs.only_wrote(before, (slice(rows), asked.reshape(-1))), "wrote beyond its groups"
    y = outputs.values.reshape(rows, heads, width)
    scale = dict(request.parameters).get("scale")
    want = attend(q, cache.keys, cache.values, position, *window, scale=scale)
    parts = [
        slice(begin * (heads // groups), end * (heads // groups))
        for begin, end in ranges or [(0, groups)]
    ]
    for mine in parts:
        apart = np.abs(y[:, mine] - want[:, mine])
        assert np.isfinite(y[:, mine]).all()
        assert apart.max(initial=0) <= _bound(library.isa.name) * np.abs(cache.values).max()


@pytest.mark.parametrize("kv", KV_TYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_attention(library, kv, shape):
    for length, rows in _calls(library):
        _check(library, KernelRequest("attention", kv, shape), length, rows)


@pytest.mark.parametrize("kv", KV_TYPES)
@pytest.mark.parametrize("shape", WINDOWS, ids=lambda shape: "x".join(map(str, shape)))
def test_windows(library, kv, shape):
    for length, rows in _calls(library):
        _check(library, KernelRequest("attention_window", kv, shape), length, rows)


@pytest.mark.parametrize("kv", KV_TYPES)
@pytest.mark.parametrize("junk", (0xFF, 0x7E, 0x00), ids=("nan", "other nan", "zeros"))
def test_slots_beyond_the_end_are_not_seen(library, kv, junk):
    """0xFF and 0x7E fill unused slots with NaN in every type."""
    for shape in SHAPES[:2]:
        for length in (1, 33, 38, 63):
            for rows in (1, 2, 31):
                if rows <= length:
                    _check(library, KernelRequest("attention", kv, shape), length, rows, junk)


def test_ranges_of_groups(library):
    request = KernelRequest("attention", "f16", (9, 3, 64))
    for ranges in ([(1, 2)], [(2, 3), (0, 2)], [(1, 1)], [(0, 1), (1, 3)]):
        for rows in (1, 5, 32):
            _check(library, request, 101, rows, ranges=ranges)


def test_another_scale(library):
    for rows in (1, 64):
        _check(library, KernelRequest("attention", "f16", (2, 1, 64), SCALE), 77, rows)


def test_one_position_takes_all(library):
    """A score far above the others, at the beginning, in the middle and at the end."""
    request = KernelRequest("attention", "f16", (9, 3, 64))
    for place in (0, 70, 99):
        rng = np.random.default_rng((SEED, place))
        keys, values = (_floats(rng, 100, 3, 64) for _ in range(2))
        keys[place] = 30
        q, y = aligned((1, 9, 64), np.float32), library.outputs(request, 1)
        q[:] = 5
        cache = Cache("f16", keys, values, BLOCK_BYTES, rng)
        cached = (cache.memory, BLOCK_BYTES, cache.blocks, None)
        library.call(request, 1, 99, 0, 100, 0, 3, q, *cached, y.memory)
        want = np.repeat(cache.values[place], 3, axis=0)
        assert np.allclose(y.values.reshape(9, 64), want, atol=2e-2)


def test_scores_that_climb(library):
    """Every 16 positions some heads' scores rise so far that what came before is gone; those of the
    heads beside them stay equal. All are whole numbers, which no set rounds."""
    request = KernelRequest("attention", "f16", (9, 3, 64))
    for length in (17, 64, 100):
        rng = np.random.default_rng((SEED, length))
        values = _floats(rng, length, 3, 64)
        keys = np.zeros_like(values) + (np.arange(length) // 16)[:, None, None]
        cache = Cache("f16", keys, values, BLOCK_BYTES, rng)
        for rows in (each for each in (1, 5, 33, 48) if each <= length):
            q, y = aligned((rows, 9, 64), np.float32), library.outputs(request, rows)
            q[:] = (8.0 * (np.arange(9) % 2))[:, None]
            cached = (cache.memory, BLOCK_BYTES, cache.blocks, None)
            library.call(request, rows, length - rows, 0, length, 0, 3, q, *cached, y.memory)
            want = attend(q, cache.keys, cache.values, length - rows)
            bound = _bound(library.isa.name) * np.abs(cache.values).max()
            assert np.abs(y.values.reshape(want.shape) - want).max() <= bound


def test_float64_is_the_algorithm(library):
    """`attend` computes what the kernels' index notation says."""
    for name, shape in (("attention", (4, 2, 32)), ("attention_window", (4, 2, 32, 7))):
        rng = np.random.default_rng(SEED)
        rows, length = 3, 19
        q, keys, values = (
            _floats(rng, *s) for s in ((rows, 4, 32), (length, 2, 32), (length, 2, 32))
        )
        request = KernelRequest(name, "f16", shape, (("scale", 0.2),))
        total = {"score": (rows, 4, length), "visible": (rows, length), "highest": (rows, 4)}
        total |= {"share": (rows, 4, length), "total": (rows, 4), "y": (rows, 4, 32)}
        seen = {"q": q, "rows": rows, "position": length - rows}
        seen |= {"from": 0, "to": length}
        seen |= {"keys": keys.transpose(1, 0, 2), "values": values.transpose(1, 0, 2)}
        found = library.oracle(request, seen, total)["y"]
        want = attend(q, keys, values, length - rows, *shape[3:], scale=0.2)
        assert np.allclose(found, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("request_", _requests(), ids=lambda request: request.name)
def test_a_row_does_not_depend_on_the_rows_beside_it(library, request_):
    """To the last bit: alone, and at every place of a call of up to 64 rows. Now and then a score exceeds
    those before by so much that a reference is raised."""
    heads, groups, width, *_ = request_.shape
    length, most = 150, 64
    rng = np.random.default_rng((SEED, 1, *request_.shape))
    keys, values = (_floats(rng, length, groups, width) for _ in range(2))
    for position in (70, 101, 133):
        keys[position] *= 20
    cache = Cache(request_.type, keys, values, BLOCK_BYTES, rng)
    q = _floats(rng, length, heads, width, scale=1.5)

    def run(begin, rows):
        outputs = library.outputs(request_, rows)
        part = aligned((rows, heads, width), np.float32)
        part[:] = q[begin : begin + rows]
        cached = (cache.memory, BLOCK_BYTES, cache.blocks, None, outputs.memory)
        library.call(request_, rows, begin, 0, length, 0, groups, part, *cached)
        return outputs.cells[:-1].copy()

    alone = np.concatenate([run(i, 1) for i in range(length)])
    for begin, rows in ((0, most), (64, most), (31, 2), (60, 17), (95, 33), (86, most), (140, 10)):
        found = run(begin, rows)
        wrong = [begin + i for i in range(rows) if (found[i] != alone[begin + i]).any()]
        assert not wrong, f"rows at {wrong} of {rows} from {begin}"


@pytest.mark.parametrize("request_", _requests(), ids=lambda request: request.name)
def test_stretches_join_to_the_whole(library, request_):
    """What is left of stretches of positions, with their states, is what the whole gives; a row's is the same
    bits in any company, and nothing where its window has passed."""
    heads, groups, width, *window = request_.shape
    length, rows = 150, 40
    rng = np.random.default_rng((SEED, 2, *request_.shape))
    keys, values = (_floats(rng, length, groups, width) for _ in range(2))
    cache = Cache(request_.type, keys, values, BLOCK_BYTES, rng)
    q = _floats(rng, rows, heads, width, scale=1.5)
    position = length - rows

    def leave(begin, count, first, last):
        state, y = aligned((count, heads, 2), np.float32), aligned(
            (count, heads, width), np.float32
        )
        part = aligned((count, heads, width), np.float32)
        part[:] = q[begin : begin + count]
        where = (count, position + begin, first, last, 0, groups)
        library.call(request_, *where, part, cache.memory, BLOCK_BYTES, cache.blocks, state, y)
        return state.astype(np.float64), y.astype(np.float64)

    found = []
    for first, last in ((0, 64), (64, 96), (96, length)):
        together = leave(0, rows, first, last)
        for r in (0, 17, rows - 1):
            if not window or last > position + r + 1 - window[0]:
                alone = leave(r, 1, first, last)
                assert all(np.array_equal(a[r : r + 1], b) for a, b in zip(together, alone))
        found.append(together)
    highest = np.max([state[:, :, 0] for state, _ in found], axis=0)
    shares = [np.exp(state[:, :, 0] - highest) for state, _ in found]
    total = sum(share * state[:, :, 1] for share, (state, _) in zip(shares, found))
    y = sum(share[:, :, None] * y for share, (_, y) in zip(shares, found)) / total[:, :, None]
    scale = dict(request_.parameters).get("scale")
    want = attend(q, cache.keys, cache.values, position, *window, scale=scale)
    assert np.abs(y - want).max() <= 2 * _bound(library.isa.name) * np.abs(cache.values).max()
