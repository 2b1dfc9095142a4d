"""Handlers that specs name exist with the generated prototype, or one message says what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from cllm_gen.check.handlers import MissingHandlers, check_handlers
from tests.api.specs_in import load

SPEC = """
request = Object("greeting_request", "R.", Field("name", String(), "N."))
answer = Object("greeting", "A.", Field("text", String(), "T."))
api = Api(
    "greetings",
    "Says hello.",
    Route("POST /greetings", "Greets.", handler="handle_greet", request=request, response=answer),
    Route("GET /greetings/{name}", "Greets once.", handler="handle_greet_once", response=answer),
    Route("PUT /greetings/{name}", "Changes.", handler="handle_change", request=request, response=answer),
)
"""
GREET = "void handle_greet(struct http_exchange *exchange, const struct greeting_request *request)"
ONCE = "void handle_greet_once(struct http_exchange *exchange, const struct greet_once_parameters *parameters)"
CHANGE = (
    "void handle_change(struct http_exchange *exchange, const struct change_parameters *parameters,\n"
    "                   const struct greeting_request *request)"
)
GOOD = f"""
#include "api/handlers.h"
#define LIMIT 5
static int helper(size_t count, const char *format, ...) {{ return count > LIMIT && format; }}
{GREET} {{ (void)exchange; for (size_t i = 0; i < 3; i++) helper(i, "%d", (int)i); }}
{ONCE} {{ struct text name = {{.bytes = "x", .count = 1}}; (void)name; }}
{CHANGE}
{{
    (void)exchange; /* a brace in a comment {{ */
}}
"""


def check(root: Path, **files: str) -> str:
    """The message, or '' if all is well."""
    folder = root / "kernel_static" / "api"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.c").write_text(text)
    try:
        check_handlers(root, [load(root, "greetings", SPEC)])
        return ""
    except MissingHandlers as problem:
        return str(problem)


def test_all_there(tmp_path: Path) -> None:
    assert check(tmp_path, greetings=GOOD) == ""


def test_parameter_names_and_files_are_free(tmp_path: Path) -> None:
    assert (
        check(
            tmp_path,
            a=GOOD.replace("*request", "*r")
            .replace("*exchange", "*e")
            .replace("(void)exchange", "(void)e"),
        )
        == ""
    )


def test_one_message_for_all(tmp_path: Path) -> None:
    message = check(tmp_path)
    assert message == f"""3 handlers are missing or differ from the spec

specs/api/greetings.py:9: POST /greetings
  no function handle_greet in kernel_static/api; add to kernel_static/api/greetings.c:

#include "api/handlers.h"

{GREET} {{
}}

specs/api/greetings.py:10: GET /greetings/{{name}}
  no function handle_greet_once in kernel_static/api; add to kernel_static/api/greetings.c:

#include "api/handlers.h"

{wrapped(ONCE)} {{
}}

specs/api/greetings.py:11: PUT /greetings/{{name}}
  no function handle_change in kernel_static/api; add to kernel_static/api/greetings.c:

#include "api/handlers.h"

{CHANGE} {{
}}"""


def wrapped(prototype: str) -> str:
    head, tail = prototype.split(", ")
    return f"{head},\n{' ' * (head.index('(') + 1)}{tail}"


def test_the_pasted_text_satisfies_the_check(tmp_path: Path) -> None:
    pieces = check(tmp_path).split("greetings.c:\n")[1:]
    pasted = "".join(piece.split("\n\nspecs/")[0] for piece in pieces)
    assert check(tmp_path, greetings=pasted) == ""


def test_a_missing_one_does_not_repeat_the_include(tmp_path: Path) -> None:
    message = check(tmp_path, greetings=GOOD.replace("handle_greet(", "handle_great("))
    assert message.startswith("one handler is missing or differs")
    assert "#include" not in message and f"{GREET} {{" in message


@pytest.mark.parametrize(
    "old, new, found",
    [
        (
            "void handle_greet(",
            "int handle_greet(",
            "int (struct http_exchange *, const struct greeting_request *)",
        ),
        (
            "const struct greeting_request *request) { (void)",
            "struct greeting_request *request) { (void)",
            "void (struct http_exchange *, struct greeting_request *)",
        ),
        (
            "const struct greeting_request *request) { (void)",
            "const struct change_request *request) { (void)",
            "void (struct http_exchange *, const struct change_request *)",
        ),
        (
            ", const struct greeting_request *request) { (void)",
            ") { (void)",
            "void (struct http_exchange *)",
        ),
        (
            ", const struct greeting_request *request) { (void)",
            ", const struct greeting_request request) { (void)",
            "void (struct http_exchange *, const struct greeting_request)",
        ),
    ],
)
def test_wrong_signatures(tmp_path: Path, old: str, new: str, found: str) -> None:
    message = check(tmp_path, greetings=GOOD.replace(old, new, 1))
    assert "kernel_static/api/greetings.c:5: handle_greet has another signature" in message
    assert f"  found:    {found}\n" in message
    assert "  expected: void (struct http_exchange *, const struct greeting_request *)\n" in message
    assert GREET in message


def test_a_static_handler_is_none(tmp_path: Path) -> None:
    message = check(tmp_path, greetings=GOOD.replace(GREET, "static " + GREET))
    assert "handle_greet is static" in message and GREET in message


def test_a_prototype_alone_is_none(tmp_path: Path) -> None:
    assert "no function handle_greet in" in check(
        tmp_path,
        greetings=GOOD.replace(GREET + " {", GREET + "; void f(void) {").replace(
            "(void)exchange;", ""
        ),
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    message = check(tmp_path, greetings="void handle_greet( {")
    assert "3 handlers" in message
    assert (
        "kernel_static/api/greetings.c could not be read (handlers in it are not seen): " in message
    )
