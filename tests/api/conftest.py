from __future__ import annotations

import sys

import pytest

from tests.api import everything
from tests.api.harness import ROOT, Driver, build

ECHO = "everything_write(&exchange->answer, request);"


def served_families() -> list:
    """The families of specs/api, in the order of their names."""
    sys.path.insert(0, str(ROOT))
    try:
        from specs.api import chat, completions, embeddings, health, models, tokens
    finally:
        sys.path.remove(str(ROOT))
    return [each.api for each in (health, models, completions, chat, embeddings, tokens)]


@pytest.fixture(scope="session")
def echo(tmp_path_factory: pytest.TempPathFactory):
    """A driver over tests/api/everything.py, whose handler writes the request as the answer."""
    path = build(tmp_path_factory.mktemp("echo"), [everything.api], {"handle_echo": ECHO})
    with Driver(path) as driver:
        yield driver


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory):
    """A driver over specs/api, whose handlers say their names and a few values they got."""
    numbers = 'buffer_format(&exchange->answer, "%g %g %lld %g %d", request->temperature, request->top_p, '
    numbers += "(long long)request->top_k, request->min_p, request->has_seed);"
    bodies = {
        "handle_create_chat_completion": numbers,
        "handle_create_completion": numbers,
        "handle_get_model": "buffer_append(&exchange->answer, parameters->model.bytes, parameters->model.count);",
        "handle_create_embeddings": 'buffer_format(&exchange->answer, "%d %d", request->input.kind, request->encoding_format);',
        "handle_detokenize": "for (size_t i = 0; i < request->tokens.count; i++) "
        "json_write_integer(&exchange->answer, request->tokens.items[i]);",
    }
    path = build(tmp_path_factory.mktemp("served"), served_families(), bodies)
    with Driver(path) as driver:
        yield driver
