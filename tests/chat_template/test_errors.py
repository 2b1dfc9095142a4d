"""Templates outside the subset, and where errors and generated code say they are."""

import importlib
import linecache
import sys

import pytest

from cllm_gen.emit.tree import texts
from cllm_gen.lower.chat import outputs as chat_template
from cllm_gen.lower.chat.source import TemplateSource
from cllm_gen.source import Span, SpecError
from tests.chat_template.conftest import Model
from tests.tokenizer.native import ROOT

LOOP = "{% for message in messages %}"
END = "{% endfor %}"
WRONG = [  # template, what the message names, template line
    ("{% for %}", "Expected an expression", 1),
    ("a\n{% unknown %}", "unknown tag 'unknown'", 2),
    ("{% macro f(x) %}{{ x }}{% endmacro %}", "Macro", 1),
    ("{% include 'x' %}", "Include", 1),
    ("{{ messages }}", "a messages where a text is needed", 1),
    ("{{ messages[0] }}", "a message where a text is needed", 1),
    ("{{ messages | tojson }}", "the filter 'tojson'", 1),
    (LOOP + "\n{{ message.role | capitalize }}" + END, "the filter 'capitalize'", 2),
    (LOOP + "{{ message.content.upper() }}" + END, "a call of .upper", 1),
    (LOOP + "{{ message.content[0] }}" + END, "a subscript of a text", 1),
    (LOOP + "{{ message.content + 1 }}" + END, "a text put together with a int", 1),
    (LOOP + "{{ message.items }}" + END, "attribute 'items' of a message", 1),
    (LOOP + "{{ loop.cycle('a', 'b') }}" + END, "loop.cycle", 1),
    ("{% for a, b in messages %}{% endfor %}", "several targets", 1),
    ("{% for m in messages if m.role %}{% endfor %}", "a for with a filter", 1),
    ("{% for c in 'abc' %}{% endfor %}", "a for over a text", 1),
    (
        "{% set x = 1 %}{% if add_generation_prompt %}{% set x = 'a' %}{% endif %}{{ x }}",
        "int at one place and text",
        1,
    ),
    ("{{ strftime_now('%d') }}", "a call of strftime_now", 1),
    ("{{ 7 // 2 }}", "FloorDiv", 1),
    ("{{ 1.5 }}", "the constant 1.5", 1),
    ("{{ messages | length % 0 }}", "% by something else than a positive number", 1),
    ("{% if messages[0] %}a{% endif %}", "a condition on a message", 1),
    ("\n\n{% if x is divisibleby 2 %}a{% endif %}", "the test `is divisibleby`", 3),
    ("{% set ns.x = 1 %}", "ns.x, which namespace() was not given", 1),
    ("{{ loop.index }}", "`loop` outside a for", 1),
    ("{{ x.y }}", "attribute 'y' of a undefined", 1),
]


@pytest.mark.parametrize("template,found,line", WRONG, ids=[found for _, found, _ in WRONG])
def test_outside_the_subset(template, found, line):
    with pytest.raises(SpecError) as raised:
        chat_template.compile_template(Model(template))
    assert found in raised.value.found
    assert f"line {line}" in raised.value.found
    assert raised.value.expected and raised.value.example


def test_branches_that_cannot_be_taken_are_left_out():
    """A template may offer what this server never passes, in whatever Jinja it likes."""
    template = (
        "{% if tools %}{{ tools | tojson }}{% for t in tools %}{{ t.x() }}{% endfor %}{% endif %}b"
    )
    made = str(chat_template.compile_template(Model(template)))
    assert '"b"' in made and "arms" not in made


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """A spec module whose template is written a tag a line."""

    def load(tags: list[str]):
        folder = tmp_path / "specs"
        folder.mkdir(exist_ok=True)
        body = "\n".join(f"    {tag!r}" for tag in tags)
        (folder / "templatespec.py").write_text(f"# a spec\nTEMPLATE = (\n{body}\n)\n")
        monkeypatch.syspath_prepend(str(folder))
        sys.modules.pop("templatespec", None)
        linecache.checkcache()
        module = importlib.import_module("templatespec")
        return Model(module.TEMPLATE, span=Span(str(folder / "templatespec.py"), 1))

    return load


def test_errors_name_the_spec_line(spec):
    with pytest.raises(SpecError) as raised:
        chat_template.compile_template(
            spec(["{% if messages %}", "{{ 'a' }}", "{{ 1.5 }}", "{% endif %}"])
        )
    assert str(raised.value.span) == "specs/templatespec.py:5"
    with pytest.raises(SpecError) as raised:
        chat_template.compile_template(spec(["text\n", "{% bad %}"]))
    assert str(raised.value.span) == "specs/templatespec.py:4"


def test_generated_code_names_spec_lines(spec):
    model = spec(
        [
            "{% for m in messages %}",
            "{{ m.content ~ '!' }}",
            "{% else %}",
            "{{ 'none' }}",
            "{% endfor %}",
        ]
    )
    made = "".join(texts(chat_template.outputs(model)).values())
    for tag in ("{% for m in messages %}", "{{ m.content ~ '!' }}", "{{ 'none' }}"):
        assert f"specs/templatespec.py | {tag!r}" in made


def test_every_tag_of_the_served_template_is_found():
    sys.path.insert(0, str(ROOT))
    model = importlib.import_module("specs.models.smollm2_135m").model
    source = TemplateSource(model.chat_template, model.span)
    tree = chat_template.environment().parse(model.chat_template)
    places = source.spans(tree)
    assert len(places) == len(source.tags) > 4
    assert all(
        model.chat_template.replace("\n", " ").count(tag.split("{%")[-1])
        for _, tag in places.values()
    )
    assert len({span.line for span, _ in places.values()}) > 3


def test_same_code_every_time():
    from tests.chat_template.templates import TEMPLATES

    for template in TEMPLATES.values():
        assert chat_template.compile_template(Model(template)) == chat_template.compile_template(
            Model(template)
        )
