"""A chat template (Jinja) to C. jinja2 parses; `chat_statement` walks its tree.

The subset is listed in `chat_value.SUPPORTED` and `chat_statement.STATEMENTS`; whatever else a
template that can be reached uses is a SpecError.
"""

from __future__ import annotations

from typing import Any

import jinja2

from cllm_gen.lower.api.words import c_string
from cllm_gen.lower.chat.scope import Facts
from cllm_gen.lower.chat.source import TemplateSource
from cllm_gen.lower.chat.statement import STATEMENTS, Compiler
from cllm_gen.lower.output import Output
from cllm_gen.source import SpecError

_PASSES = 20


def environment() -> jinja2.Environment:
    """The settings under which models' authors render their templates."""
    return jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )


def compile_template(model) -> list[dict[str, Any]]:
    """The statements of the generated function; raises SpecError."""
    source = TemplateSource(model.chat_template, model.span)
    try:
        tree = environment().parse(model.chat_template)
    except jinja2.TemplateSyntaxError as error:
        raise SpecError(
            source.line_span(error.lineno),
            f"in the chat template's line {error.lineno}: {error.message}",
            STATEMENTS,
            "{% for message in messages %}{{ message['content'] }}{% endfor %}",
        ) from None
    facts, places = Facts(), source.spans(tree)
    for _ in range(_PASSES):
        before = facts.snapshot()
        facts.used, facts.read = facts.read, set()
        made = Compiler(model, facts, places).template(tree)
        if facts.snapshot() == before:
            return made
    raise SpecError(
        model.span,
        "a chat template whose variables do not settle",
        STATEMENTS,
        "{% set name = value %}",
    )


def outputs(model) -> list[Output]:
    """The chat template of one model."""
    return [
        Output(
            path=f"models/{model.name}/chat_template.c",
            template="chat_template.c.j2",
            context={
                "statements": compile_template(model),
                "source": [c_string(line) for line in model.chat_template.splitlines(True)]
                or [c_string("")],
                "title": model.title,
                "model": model.name,
            },
            specs=[model.span.path],
            parameters={"model": model.name},
        )
    ]
