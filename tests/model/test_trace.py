"""Shape mistakes in a forward pass are reported at the spec line that makes them."""

from __future__ import annotations

import dataclasses
import re

import pytest

from cllm_gen.lower.model.trace import lower, record
from cllm_gen.source import SpecError
from cllm_gen.spec.tensor import (
    Forward,
    Rope,
    attention,
    biased,
    gelu,
    linear,
    rms_norm,
    rope,
    silu,
)
from specs.models.smollm2_135m import model as smollm2

ROTATION = Rope(width=16, base=10000.0)


def with_forward(forward):
    types = {"*_norm.weight": "f32", "*.weight": "q4_1"}
    return dataclasses.replace(
        smollm2, width=64, layers=2, vocabulary=96, types=types, forward=forward
    )


def start(model, rows):
    return rows.embed(model.weight("token_embd.weight", 96, 64))


def end(model, rows, x):
    table = model.weight("token_embd.weight", 96, 64)
    return Forward(hidden=x, logits=linear(table, rows.asked(x)))


def attended(block, x):
    q, k, v = (linear(block.weight(f"attn_{part}.weight", 64, 64), x).heads(4) for part in "qkv")
    return attention(rope(q, ROTATION), rope(k, ROTATION), v).flat()


def good(model, rows):
    x = start(model, rows)
    for layer in rows.layers(2):
        block = model.block(layer)
        y = attended(block, rms_norm(x, block.weight("attn_norm.weight", 64), 1e-5))
        x = x + linear(block.weight("attn_output.weight", 64, 64), y)
    return end(model, rows, rms_norm(x, model.weight("output_norm.weight", 64), 1e-5))


def linear_of_wrong_width(model, rows):
    return end(model, rows, linear(model.weight("a.weight", 64, 96), start(model, rows)))  # here


def norm_of_wrong_width(model, rows):
    return rms_norm(start(model, rows), model.weight("a_norm.weight", 32), 1e-5)  # here


def norm_with_a_matrix(model, rows):
    return rms_norm(start(model, rows), model.weight("a.weight", 64, 64), 1e-5)  # here


def norm_without_epsilon(model, rows):
    return rms_norm(start(model, rows), model.weight("a_norm.weight", 64), 0)  # here


def sum_of_two_widths(model, rows):
    x = start(model, rows)
    return x + linear(model.weight("a.weight", 96, 64), x)  # here


def sum_with_a_number(model, rows):
    return start(model, rows) + 1  # here


def product_of_heads_and_vector(model, rows):
    x = start(model, rows)
    return x.heads(4) * x  # here


def heads_that_do_not_divide(model, rows):
    return start(model, rows).heads(5)  # here


def rope_of_a_vector(model, rows):
    return rope(start(model, rows), ROTATION)  # here


def rope_of_odd_width(model, rows):
    return rope(start(model, rows).heads(4), Rope(width=15, base=1e4))  # here


def linear_over_heads(model, rows):
    return linear(model.weight("a.weight", 64, 64), start(model, rows).heads(4))  # here


def linear_with_a_vector(model, rows):
    return linear(model.weight("a_norm.weight", 64), start(model, rows))  # here


def attention_of_uneven_groups(model, rows):
    x = start(model, rows)
    for _ in rows.layers(2):
        k = linear(model.weight("a.weight", 48, 64), x).heads(3)
        attention(x.heads(4), k, k)  # here


def attention_outside_layers(model, rows):
    x = start(model, rows).heads(4)
    attention(x, x, x)  # here


def attention_twice(model, rows):
    x = start(model, rows).heads(4)
    for _ in rows.layers(2):
        attention(x, x, x)
        attention(x, x, x)  # here


def weight_of_no_type(model, rows):
    return model.weight("bias", 64)  # here


def weight_of_broken_blocks(model, rows):
    return model.weight("a.weight", 64, 40)  # here


def weight_without_shape(model, rows):
    return model.weight("a.weight")  # here


BAD = [
    (linear_of_wrong_width, "an input of 96 values"),
    (norm_of_wrong_width, "an f32 gain of 64 values"),
    (norm_with_a_matrix, "an f32 gain"),
    (norm_without_epsilon, "between 0 and 1"),
    (sum_of_two_widths, "two tensors of one shape"),
    (sum_with_a_number, "two tensors"),
    (product_of_heads_and_vector, "one shape"),
    (heads_that_do_not_divide, "divides 64"),
    (rope_of_a_vector, r"\(heads, 16\)"),
    (rope_of_odd_width, "an even positive width"),
    (linear_over_heads, "one vector a row"),
    (linear_with_a_vector, "a matrix"),
    (attention_of_uneven_groups, "a multiple of their heads"),
    (attention_outside_layers, "loop over layers"),
    (attention_twice, "one attention a layer"),
    (weight_of_no_type, "a pattern in `types`"),
    (weight_of_broken_blocks, "a multiple of 32"),
    (weight_without_shape, "one or two positive integers"),
]


@pytest.mark.parametrize("forward, expected", BAD, ids=lambda value: getattr(value, "__name__", ""))
def test_shape_errors_name_the_line(forward, expected):
    with pytest.raises(SpecError, match=expected) as caught:
        record(with_forward(forward))
    assert "# here" in caught.value.span.text
    assert re.search(r"found .*\n +expected: .*\n +example: +\S", str(caught.value))


def logits_for_every_row(model, rows):
    x = good(model, rows).hidden
    return Forward(hidden=x, logits=linear(model.weight("token_embd.weight", 96, 64), x))


def hidden_of_the_wrong_width(model, rows):
    result = good(model, rows)
    return Forward(
        hidden=linear(model.weight("a.weight", 32, 64), result.hidden), logits=result.logits
    )


def no_layers(model, rows):
    return end(model, rows, start(model, rows))


def nothing(model, rows):
    return None


@pytest.mark.parametrize(
    "forward, expected",
    [
        (logits_for_every_row, r"\(asked rows, 96\)"),
        (hidden_of_the_wrong_width, r"\(rows, 64\)"),
        (no_layers, "each layer to attend once"),
        (nothing, r"Forward\(hidden, logits\)"),
    ],
)
def test_what_a_pass_must_return(forward, expected):
    with pytest.raises(SpecError, match=expected):
        record(with_forward(forward))


def unfused_sum(model, rows):
    x = start(model, rows)
    for layer in rows.layers(2):
        x = linear(model.weight("a.weight", 64, 64), attended(model.block(layer), x))
    return end(model, rows, x + rms_norm(x, model.weight("output_norm.weight", 64), 1e-5))


def lone_silu(model, rows):
    x = start(model, rows)
    for layer in rows.layers(2):
        x = linear(model.weight("a.weight", 64, 64), attended(model.block(layer), x))
    return end(model, rows, silu(x))


def product_without_activation(model, rows):
    x = start(model, rows)
    for layer in rows.layers(2):
        x = linear(model.weight("a.weight", 64, 64), attended(model.block(layer), x))
    return end(model, rows, x * x)


@pytest.mark.parametrize(
    "forward, expected",
    [(lone_silu, "a silu"), (product_without_activation, "a product that no kernel")],
)
def test_what_no_kernel_computes_is_refused(forward, expected):
    with pytest.raises(SpecError, match=expected):
        lower(with_forward(forward), lambda width: 2 * width, "f16")


def test_a_sum_without_a_product_is_an_addition():
    program = lower(with_forward(unfused_sum), lambda width: 2 * width, "f16")
    added = next(op for op in program.operations if op.kind == "add")
    assert added.kernel.name == "add_f32_64"
    assert added.buffer("x") is not added.buffer("y")


def kinds(program):
    return [operation.kind for operation in program.operations]


def test_a_good_pass_is_fused():
    program = lower(with_forward(good), lambda width: 2 * width, "f16")
    layer = [
        "rms_norm_quantize",
        "matmul",
        "matmul",
        "matmul",
        "rope",
        "rope",
        "store",
        "attention",
        "quantize",
        "matmul_add",
    ]
    assert kinds(program) == ["embed", *layer, *layer, "rms_norm", "asked", "quantize", "matmul"]


def value_read_after_its_update(model, rows):
    """The sum may not overwrite x, since the norm at the end reads it."""
    x = start(model, rows)
    for layer in rows.layers(2):
        y = linear(model.weight("a.weight", 64, 64), attended(model.block(layer), x))
        x2 = x + y
        x = x2 + linear(
            model.weight("b.weight", 64, 64), rms_norm(x, model.weight("c_norm.weight", 64), 1e-5)
        )
    return end(model, rows, x)


def test_a_value_that_is_still_needed_is_not_overwritten():
    program = lower(with_forward(value_read_after_its_update), lambda width: 2 * width, "f16")
    operations = program.operations
    for place, added in ((i, op) for i, op in enumerate(operations) if op.kind == "add"):
        late = next(op for op in operations[place:] if op.kind == "rms_norm_quantize")
        assert late.buffer("x") is added.buffer("x") is not added.buffer("y")


def other_families(model, rows):
    """What families beside Llama's are made of."""
    rotation, x = Rope(16, 1e4, halves=True), start(model, rows) * 2.5
    for layer in rows.layers(2):
        gain = model.weight("head_norm.weight", 16)
        q = biased(linear(model.weight("a.weight", 64, 64), x), model.weight("a_norm.weight", 64))
        q = rms_norm(q.heads(4), gain, 1e-5)
        k = linear(model.weight("k.weight", 64, 64), x).heads(4)
        y = attention(rope(q, rotation), rope(k, rotation), k, window=layer or None, scale=0.5)
        y = linear(model.weight("b.weight", 64, 64), y.flat())
        gate = linear(model.weight("c.weight", 64, 64), y)
        y = gelu(gate) * linear(model.weight("d.weight", 64, 64), y)
        y = linear(model.weight("e.weight", 64, 64), y)
        x = x + rms_norm(y, model.weight("d_norm.weight", 64), 1e-5)
    return end(model, rows, x)


def test_what_other_families_are_made_of():
    program = lower(with_forward(other_families), lambda width: 2 * width, "f16")
    assert kinds(program)[:2] == ["embed", "scale"]
    layer = [op for op in program.operations if op.stage.layer == 1]
    by_kind = {op.kind: op for op in layer}
    assert by_kind["rope"].kernel.operation == "rope_halves"
    assert by_kind["attention"].kernel.name == "attention_window_f16_4x4x16x1_scale0p5"
    assert by_kind["attention"].kernel.parameters == (("scale", 0.5),)
    assert by_kind["geglu"].kernel.shape == (64, 64)
    made = by_kind["geglu"].buffer("quantized")
    late = [op for op in layer if op.kind == "quantize" and op.buffer("q") is made]
    assert [dict(op.attributes)["unless"] for op in late] == [by_kind["geglu"].kernel.name]
    norms = [op for op in layer if op.kind == "rms_norm"]
    assert [dict(op.attributes)["each"] for op in norms] == [4, 1]
    assert norms[0].buffer("x") is norms[0].buffer("y")
    assert by_kind["add"].buffer("y").name == "residual"
    assert by_kind["add_bias"].buffer("y") is norms[0].buffer("x")


def gate_before_a_norm(model, rows):
    """What a norm reads is floats."""
    x = start(model, rows)
    for layer in rows.layers(2):
        y = linear(model.weight("a.weight", 64, 64), attended(model.block(layer), x))
        y = gelu(linear(model.weight("c.weight", 64, 64), y)) * linear(
            model.weight("d.weight", 64, 64), y
        )
        x = x + rms_norm(y, model.weight("d_norm.weight", 64), 1e-5)
    return end(model, rows, x)


def test_gated_products_that_are_read_as_floats_stay_floats():
    program = lower(with_forward(gate_before_a_norm), lambda width: 2 * width, "f16")
    assert "geglu" not in kinds(program)
    assert kinds(program).count("gelu_multiply") == 2


def rope_of_head_norm_too_narrow(model, rows):
    x = start(model, rows)
    return rms_norm(x.heads(4), model.weight("a_norm.weight", 8), 1e-5)


def test_shapes_of_those_are_checked():
    for forward, expected in (
        (rope_of_head_norm_too_narrow, "gain of 16 values"),
        (lambda m, r: biased(start(m, r), m.weight("a.weight", 64, 64)), "f32 vector of 64"),
        (lambda m, r: Rope(16, 1e4, divisors=(1.0, 2.0)), "one positive divisor, or 8"),
    ):
        with pytest.raises(SpecError, match=expected):
            lower(with_forward(forward), lambda width: 2 * width, "f16")


def rope_of_a_value_read_later(model, rows):
    x = start(model, rows)
    for _layer in rows.layers(2):
        q = linear(model.weight("a.weight", 64, 64), x).heads(4)
        y = attention(rope(q, ROTATION), rope(q, ROTATION), q).flat()
        x = x + linear(model.weight("b.weight", 64, 64), y)
    return end(model, rows, x)


def test_rope_copies_what_is_read_later():
    program = lower(with_forward(rope_of_a_value_read_later), lambda width: 2 * width, "f16")
    first = [op for op in program.operations if op.stage.layer == 0]
    assert [op.kind for op in first].count("copy") == 2
    store = next(op for op in first if op.kind == "store")
    turned = [op.buffer("x") for op in first if op.kind == "rope"]
    assert store.buffer("k") in turned and store.buffer("v") not in turned
