"""From request to C: a small golden, the costs that are stated, and what a wrong schedule is told."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cllm_gen.emit.syntax import parse
from cllm_gen.emit.tree import texts
from cllm_gen.lower.kernel.outputs import file_outputs, outputs
from cllm_gen.lower.kernel.resolve import load_kernels, resolve
from cllm_gen.lower.kernel.trace import trace
from cllm_gen.schedule.program import Program
from cllm_gen.source import SpecError
from cllm_gen.spec.kernel import NAME, Kernel, KernelRequest, Schedule
from specs.isa.avx2 import avx2
from specs.isa.sse2 import sse2
from specs.isa.word64 import word64
from tests.kernels.harness import ROOT
from tests.kernels.sets import SETS

GOLDEN = Path(__file__).with_name("golden")
REQUESTS = [
    KernelRequest("matmul", "q4_1", (16, 64)),
    KernelRequest("rms_norm", "f32", (32,)),
]


@pytest.mark.parametrize("isa", [sse2, word64], ids=lambda isa: isa.name)
def test_golden(isa):
    """A difference that is meant is accepted by copying the text that the failure shows."""
    for path, text in texts(outputs(REQUESTS, [isa])).items():
        parse(path, text, isa.c_types)
        assert text == (GOLDEN / path.removeprefix("kernels/")).read_text(encoding="utf-8"), path


@pytest.mark.parametrize("isa", [sse2, word64, avx2], ids=lambda isa: isa.name)
@pytest.mark.parametrize(
    "request_",
    [
        KernelRequest("matmul", "q4_1", (192, 576)),
        KernelRequest("quantize", "f32", (640,)),
        KernelRequest("rope", "f32", (3, 64)),
    ],
    ids=lambda request: request.name,
)
def test_a_shared_body_is_the_machine_code_of_one_with_numbers(tmp_path, isa, request_):
    shared = resolve(load_kernels(ROOT), request_, isa)
    assert shared.schedule.free
    own = replace(shared, schedule=replace(shared.schedule, free=()))
    schedules = dict.fromkeys(shared.kernel.schedules, own.schedule)
    own = replace(own, kernel=replace(shared.kernel, schedules=schedules))
    listings = []
    for name, resolved in (("shared", shared), ("own", own)):
        files = texts(file_outputs(resolved))
        assert len(files) == (2 if name == "shared" else 1)
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text)
        built = tmp_path / f"{name}.o"
        command = ["gcc", "-std=gnu11", "-O3", *shared.isa.all_flags, f"-I{tmp_path / name}"]
        source = tmp_path / name / resolved.file
        subprocess.run([*command, "-c", source, "-o", built], check=True)
        listing = ["objdump", "-d", "-j", ".text", built]
        shown = subprocess.run(listing, check=True, capture_output=True, text=True).stdout
        listings.append(shown.split("Disassembly", 1)[1])
    assert listings[0] == listings[1] and resolved.symbol in listings[0]


def test_bodies_leave_dimensions_open():
    wanted = [KernelRequest("matmul", "q4_1", (n, 64)) for n in (16, 32)]
    found = texts(outputs(wanted, [avx2]))
    folder = "kernels/avx2/matmul_q4_1"
    assert list(found) == [f"{folder}_16x64.c", f"{folder}_32x64.c", f"{folder}_NxK.h"]
    assert "#define N 32\n" in found[f"{folder}_32x64.c"]


@pytest.mark.parametrize("isa", SETS, ids=lambda isa: isa.name)
def test_a_body_is_the_same_for_all_its_kernels(isa):
    """What is left open changes nothing but what the kernels define."""
    kernels, bodies = load_kernels(ROOT), {}
    shapes = {
        "matmul": [(n, k) for n in (16, 48, 576) for k in (256, 768)],
        "quantize": [(32,), (96,), (640,)],
        "rope": [(h, d) for h in (1, 3) for d in (32, 64)],
    }
    for operation, type_name in kernels:
        for shape in shapes.get(operation, ()):
            resolved = resolve(kernels, KernelRequest(operation, type_name, shape), isa)
            for output in file_outputs(resolved)[:-1]:
                code = output.context["lines"], output.context["comment"]
                assert bodies.setdefault(output.path, code) == code, shape
    assert bodies


def test_the_naming_law_reads_back():
    scaled = KernelRequest("attention_window", "f16", (4, 1, 64, 512), (("scale", 1e-05),))
    for request in [*REQUESTS, scaled]:
        for isa in (None, "avx512", "avx_vnni"):
            match = NAME.fullmatch(request.name + (f"__{isa}" if isa else ""))
            assert match["operation"] == request.operation and match["type"] == request.type
            assert tuple(map(int, match["shape"].split("x"))) == request.shape
            assert bool(match["parameters"]) == bool(request.parameters) and match["isa"] == isa
    assert scaled.name == "attention_window_f16_4x1x64x512_scale1em05"


def test_a_set_s_functions_depend_on_nothing_but_request_and_set():
    """What a set takes over is the function, and the file, of the set that it extends."""
    kernels, norm = load_kernels(ROOT), REQUESTS[1]
    assert resolve(kernels, norm, word64).symbol == "rms_norm_f32_32__sse2"
    assert resolve(kernels, norm, avx2).file == "kernels/avx2/rms_norm_f32_32.c"
    alone = {each.path: each for each in outputs([norm], [word64])}
    beside = {each.path: each for each in outputs(REQUESTS, [avx2, sse2, word64])}
    assert list(alone) == ["kernels/sse2/rms_norm_f32_32.c"]
    assert all(beside[path] == output for path, output in alone.items())


def test_costs_follow_the_shape():
    """Twice the inputs cost twice the instructions of a tile's blocks; a gate, two matrices."""
    kernels = load_kernels(ROOT)
    small, large, gated = (
        trace(kernels[operation, "q4_1"], KernelRequest(operation, "q4_1", (32, k)), avx2)
        for operation, k in (("matmul", 288), ("matmul", 576), ("swiglu", 576))
    )
    # 2 vectors of 8 outputs, 8 vectors of quants and one once more, 18 blocks
    assert large.instructions["multiply_pairs_u8"] == 2 * 9 * 18
    assert 2 * small.instructions["multiply_pairs_u8"] == 2 * 9 * 18
    assert gated.instructions["multiply_pairs_u8"] == 2 * 2 * 9 * 18
    assert gated.weight_bytes == 2 * large.weight_bytes
    assert gated.per_output > large.per_output > small.per_output > 0


def test_a_set_uses_the_nearest_schedule_it_extends():
    kernels = load_kernels(ROOT)
    rope = kernels["rope", "f32"]
    assert rope.schedule(avx2, KernelRequest("rope", "f32", (3, 64))).isa == sse2
    matmul = kernels["matmul", "q4_1"]
    assert matmul.schedule(sse2, KernelRequest("matmul", "q4_1", (16, 32))).isa == sse2
    assert matmul.schedule(avx2, KernelRequest("matmul", "q4_1", (16, 32))).isa == avx2


def _kernel(steps, **schedules) -> Kernel:
    return Kernel(
        operation="twice",
        type="f32",
        summary="",
        shape=("K",),
        arguments={"x": "in f32", "y": "out f32"},
        algorithm="for k < K\ny[k] = 2 * x[k]",
        schedules=schedules or {"sse2": Schedule(sse2, steps, "")},
    )


REQUEST = KernelRequest("twice", "f32", (4,))
WRONG = [  # a schedule, what it is told
    (lambda p, x: p.let("s", p.add_i16(x, x)), "operand a of add_i16: __m128"),
    (lambda p, x: p.let("s", p.fly_f32(x)), "instruction fly_f32, which sse2 does not have"),
    (lambda p, x: p.let("s", p.add_f32(x)), "add_f32 with 1 operands"),
    (lambda p, x: p.let("v", p.add_f32(x, x)), "a second v"),
    (lambda p, x: p.set(x, p.round_f32(x)), "__m128i for v"),
    (lambda p, x: (lambda v: p.let("s", p.add_f32(v, v)))(p.add_f32(x, x)), "a second use"),
    (lambda p, x: p.let("s", p.load_f32(x)), "operand p of load_f32: __m128"),
]


@pytest.mark.parametrize("wrong,message", WRONG, ids=[message for _, message in WRONG])
def test_wrong_schedules(wrong, message):
    def steps(p: Program, K):
        wrong(p, p.let("v", p.load_f32(p.argument("x", "f32"))))

    with pytest.raises(SpecError) as caught:
        trace(_kernel(steps), REQUEST, sse2)
    assert message in str(caught.value) and "example:" in str(caught.value)
    assert caught.value.span.path == "test_lowering.py"


def test_a_missing_schedule_names_set_and_shape():
    kernel = _kernel(None, avx2=Schedule(avx2, lambda p, K: None, ""))
    with pytest.raises(SpecError, match="no schedule of twice for word64, which twice_f32_4 needs"):
        trace(kernel, REQUEST, word64)


def test_registers_are_those_alive_at_once():
    def steps(p, K):
        x = p.argument("x", "f32")
        a = p.let("a", p.load_f32(x))
        b = p.let("b", p.load_f32(x))
        c = p.let("c", p.add_f32(a, b))
        with p.loop("i", 3):
            d = p.let("d", p.add_f32(c, c))
            p.do(p.store_f32(p.argument("y", "f32"), d))

    traced = trace(_kernel(steps), REQUEST, sse2)
    assert traced.registers == {"__m128": 2}
    assert traced.instructions == {"add_f32": 4, "load_f32": 2, "store_f32": 3}


def test_a_request_of_the_wrong_rank_is_refused():
    with pytest.raises(SpecError, match="with 2 dimensions"):
        trace(_kernel(None), KernelRequest("twice", "f32", (4, 4)), sse2)
