"""Tile registers of a traced schedule: how they are numbered and shaped, and what a wrong use is told."""

from __future__ import annotations

import pytest

from cllm_gen.schedule.program import Program
from cllm_gen.source import SpecError
from cllm_gen.spec.isa import Instruction
from specs.isa.amx import amx
from specs.isa.avx512 import avx512


def _program(isa=amx) -> Program:
    return Program(isa, {"rows": "size", "q": "in bytes", "y": "out f32"})


def test_tiles_are_numbers_and_products_stay_in_place():
    p = _program()
    with p.tiles("shapes", {"sum": p.rows, "a": 16, "b": 16}):
        total = p.let("sum", p.zero_tile_f32())
        a, b = (p.let(n, p.load_tile_bf16(p.argument("q", "bf16"), 64)) for n in ("a", "b"))
        p.set(total, p.multiply_tiles_bf16(total, a, b))
        p.do(p.store_tile_f32(p.argument("y", "f32"), 64, total))
    text = "\n".join(p.lines)
    assert "shapes[48] = rows;" in text and "shapes[49] = 16;" in text
    for each in ("_tile_zero(0);", "_tile_dpbf16ps(0, 1, 2);", "_tile_stored(0, y, 64);"):
        assert each in text
    assert p.lines[-1] == "_tile_release();"
    assert p.registers() == {"tile": 3}
    assert p.counts["multiply_tiles_bf16"] == 1


def _two_sums(p):
    total = p.let("a", p.zero_tile_f32())
    other = p.let("b", p.zero_tile_f32())
    factor = p.let("c", p.load_tile_bf16(p.argument("q", "bf16"), 64))
    p.set(other, p.multiply_tiles_bf16(total, factor, factor))


def _after_its_loop(p):
    with p.loop("k", 2):
        gone = p.let("a", p.zero_tile_f32())
    p.do(p.store_tile_f32(p.argument("y", "f32"), 64, gone))


WRONG = [
    (lambda p: p.let("d", p.zero_tile_f32()), "tile d"),
    (_two_sums, "the tile 0, which it changes"),
    (_after_its_loop, "tile a"),
    (
        lambda p: p.do(p.store_tile_f32(p.argument("y", "f32"), 64, p.zero_tile_f32())),
        "a tile with",
    ),
    (lambda p: p.tiles("again", {"a": 16}).__enter__(), "configured a second time"),
]


@pytest.mark.parametrize("wrong,message", WRONG, ids=[message for _, message in WRONG])
def test_wrong_uses(wrong, message):
    p = _program()
    with pytest.raises(SpecError, match=message) as caught:
        with p.tiles("shapes", {"a": 16, "b": 16, "c": 16}):
            wrong(p)
    assert "example:" in str(caught.value)


def test_there_are_eight_tiles_and_only_some_sets_have_them():
    with pytest.raises(SpecError, match="9 tiles"):
        _program().tiles("shapes", {f"t{i}": 16 for i in range(9)}).__enter__()
    with pytest.raises(SpecError, match="a set with tiles"):
        _program(avx512).tiles("shapes", {"a": 16}).__enter__()


def test_code_says_where_a_tile_goes():
    with pytest.raises(SpecError, match="each parameter in braces"):
        Instruction("_tile_zero(0)", "zero_tile() -> f32[16][16] = 0")
    with pytest.raises(SpecError, match="fills one of its registers"):
        amx.c_type(Instruction("f({result})", "half() -> f32[8][16] = 0").read.result)
