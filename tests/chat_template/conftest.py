"""Programs that hold one compiled template each, and jinja2 with the same settings."""

from dataclasses import dataclass, field
from functools import cache

import jinja2
import pytest

from cllm_gen.lower import tokenizer
from cllm_gen.lower.chat import outputs as chat_template
from cllm_gen.source import Span
from cllm_gen.spec.tokenizer import Pretokenizer, Tokenizer
from tests.tokenizer import native

TOKENIZER = Tokenizer(
    kind="gpt2",
    pretokenizer=Pretokenizer(
        name="test",
        rules=r"""split words
        word: \S+""",
    ),
    beginning=1,
    beginning_text="<s>",
    end=2,
    end_text="</s>",
)


@dataclass(frozen=True)
class Model:
    """As much of a model spec as a chat template needs."""

    chat_template: str
    span: Span = field(default_factory=lambda: Span(__file__, 1))
    name: str = "test"
    title: str = "a test"
    tokenizer: Tokenizer = TOKENIZER


class Refused(Exception):
    """raise_exception was called."""


def refuse(message):
    raise Refused(message)


@cache
def parsed(template: str) -> jinja2.Template:
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = refuse
    return environment.from_string(template)


def expected(template: str, messages, prompt: bool) -> str | None:
    """What jinja2 renders; None if it raises."""
    chat = [{"role": role, "content": content} for role, content in messages]
    try:
        return parsed(template).render(
            messages=chat, add_generation_prompt=prompt, bos_token="<s>", eos_token="</s>"
        )
    except (Refused, jinja2.UndefinedError, TypeError):
        return None


@pytest.fixture(scope="session")
def static_objects(tmp_path_factory):
    return native.objects(tmp_path_factory.mktemp("static"))


@pytest.fixture(scope="session")
def compiled(static_objects, tmp_path_factory):
    """template -> a running program with it."""
    running = {}

    def start(template: str) -> native.Native:
        if template not in running:
            model = Model(template)
            outputs = tokenizer.outputs(model) + chat_template.outputs(model)
            running[template] = native.Native(
                native.build(tmp_path_factory.mktemp("template"), outputs, static_objects)
            )
        return running[template]

    yield start
    for program in running.values():
        assert program.blocks() == 0
        assert program.close() == 0
