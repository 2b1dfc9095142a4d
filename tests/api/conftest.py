from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.api import everything
from tests.api.harness import ROOT, Driver, build

ECHO = """if (request->has_only)
        everything_write_event(&exchange->answer, request);
    else
        everything_write(&exchange->answer, request);"""


COUNT = """struct counted items[9];
    for (int i = 0; i < request->most; i++)
        items[i] = (struct counted){.number = i, .below = {.make = number_below, .count = (size_t)i}};
    counted_list_write(&exchange->answer, &(struct counted_list){items, (size_t)request->most});
    count_started_write_event(&exchange->answer, &(struct count_started){0});
    struct counted last = {.number = 9, .below = {.make = number_below, .count = 9, .context = request->most == 9 ? exchange : NULL}};
    count_ended_write_event(&exchange->answer, &(struct count_ended){.last = last});
    if (exchange->answer.failed) exchange->answer.count = 0;"""

NUMBERS = """static bool number_below(void *context, size_t index, int32_t *item) {
    *item = (int32_t)index;
    return !context || index < 4;
}
"""


def served_families() -> list:
    """The families of the surface that the appliances share."""
    sys.path.insert(0, str(ROOT))
    try:
        from specs.surfaces.openai import openai
    finally:
        sys.path.remove(str(ROOT))
    return list(openai.families)


@pytest.fixture(scope="session")
def echo(tmp_path_factory: pytest.TempPathFactory):
    """A driver over tests/api/everything.py, whose handler writes the request as the answer."""
    path = build(
        tmp_path_factory.mktemp("echo"),
        [everything.api],
        {"handle_echo": ECHO, "handle_count": COUNT},
        NUMBERS,
    )
    with Driver(path) as driver:
        yield driver


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory):
    """A driver over specs/api, whose handlers say their names and a few values they got."""
    sampling = 'buffer_format(out, "%g %g %lld %g %d", options->temperature, options->top_p, '
    sampling += "(long long)options->top_k, options->min_p, options->has_seed);"
    sampling = (
        f"{{ const struct sampling_options *options = &request->sampling_options; {sampling} }}"
    )
    bodies = {
        "handle_health": "health_write(out, &(struct health){.status = HEALTH_STATUS_LOADING});",
        "handle_list_models": "answer_models(out);",
        "handle_get_model": "buffer_append(out, parameters->model.bytes, parameters->model.count);",
        "handle_create_chat_completion": "if (request->max_tokens == 77) answer_chat(out, request->answer_options.stream); "
        f"else {sampling}",
        "handle_create_completion": f"if (request->max_tokens == 77) answer_completion(out); else {sampling}",
        "handle_create_embeddings": "if (request->dimensions == 77) answer_embeddings(out); "
        'else buffer_format(out, "%d %d", request->input.kind, request->encoding_format);',
        "handle_tokenize": "answer_tokens(out, request->with_pieces);",
        "handle_detokenize": "for (size_t i = 0; i < request->tokens.count; i++) "
        "json_write_integer(out, request->tokens.items[i]);",
    }
    answers = Path(__file__).with_name("answers.inc").read_text()
    path = build(tmp_path_factory.mktemp("served"), served_families(), bodies, answers)
    with Driver(path) as driver:
        yield driver
