"""What is generated: short goldens, the same bytes for the same specs, and diffs as small as the edit."""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cllm_gen.check.compatibility import compare_apis
from cllm_gen.emit import tree
from cllm_gen.emit.syntax import parse
from cllm_gen.lower.api.openapi import schema_of
from cllm_gen.lower.api.outputs import outputs
from cllm_gen.spec.api import Text
from tests.api.conftest import served_families
from tests.api.harness import ROOT
from tests.api.specs_in import load

GOLDEN = Path(__file__).with_name("golden")

GREETING = """
greeting_request = Object(
    "greeting_request",
    "Whom to greet.",
    Field("name", String(least=1), "Who is greeted."),
    Field("times", Integer(least=1, most=9), "How often.", default=1),
    Field("mood", Enum("mood", "glad", "gloomy"), "How.", required=False, nullable=True),
    Unsupported("language", "only English is spoken", allow=(None, "en")),
)

greeting = Object(
    "greeting",
    "Greetings.",
    Field("object", Literal("greeting"), "Always `greeting`."),
    Field("lines", Array(String()), "One for each time."),
)

api = Api(
    "greetings",
    "Says hello.",
    Route("POST /greetings", "Greets.", handler="handle_greet", request=greeting_request, response=greeting),
    Route("GET /greetings/{name}", "Greets once.", handler="handle_greet_once", response=greeting, authenticated=False),
)
"""


@pytest.fixture(scope="module")
def greeting(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return tree.texts(outputs([load(tmp_path_factory.mktemp("golden"), "greetings", GREETING)]))


@pytest.mark.parametrize(
    "name", ["greetings.h", "greetings.c", "handlers.h", "router.c", "api.md", "openapi.json"]
)
def test_golden(greeting: dict[str, str], name: str) -> None:
    """CLLM_GOLDEN=write makes the goldens anew; read their diff before committing it."""
    file = GOLDEN / name
    if os.environ.get("CLLM_GOLDEN") == "write":
        file.write_text(greeting[f"api/{name}"], encoding="utf-8")
    assert greeting[f"api/{name}"] == file.read_text(encoding="utf-8")


def test_c_parses_and_is_cited(greeting: dict[str, str]) -> None:
    for path, text in greeting.items():
        if path.endswith((".c", ".h")):
            parse(path, text)
            assert "spec:       specs/api/greetings.py" in text
            assert "specs/api/greetings.py | " in text
    assert 'specs/api/greetings.py | "POST /greetings"' in greeting["api/router.c"]


def test_lines_above_may_move(greeting: dict[str, str], tmp_path: Path) -> None:
    moved = tree.texts(outputs([load(tmp_path, "greetings", "# A comment.\n\n\n" + GREETING)]))
    assert moved == greeting


def removed_and_added(
    before: dict[str, str], after: dict[str, str]
) -> dict[str, tuple[list[str], list[str]]]:
    found = {}
    for path in before.keys() | after.keys():
        old, new = before.get(path, "").splitlines(), after.get(path, "").splitlines()
        lines = list(difflib.unified_diff(old, new, n=0, lineterm=""))[2:]
        removed = [line[1:] for line in lines if line.startswith("-")]
        added = [line[1:] for line in lines if line.startswith("+")]
        if removed or added:
            found[path] = (removed, added)
    return found


NEW_OBJECTS = """
greet_many_request = Object(
    "greet_many_request",
    "Whom to greet.",
    Field("names", Array(String()), "Who is greeted."),
)
"""
ANCHOR = '    Route("GET /greetings/{name}"'


@pytest.mark.parametrize(
    "path",
    [
        "/greet",
        "/greetings/all",
        "/greetings/{name}/again",
        "/greetingsxyz",
        "/v1/greetings",
        "/{any}",
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_a_route_with_a_schema_changes_only_lines_about_it(
    greeting: dict[str, str], tmp_path: Path, path: str, last: bool
) -> None:
    route = f'    Route("POST {path}", "Greets many.", handler="handle_greet_many", request=greet_many_request, response=greeting),\n'
    start, end = GREETING.split("api = Api(")
    end = end.replace("\n)\n", f"\n{route})\n") if last else end.replace(ANCHOR, route + ANCHOR)
    after = tree.texts(
        outputs([load(tmp_path, "greetings", f"{start}{NEW_OBJECTS}\napi = Api({end}")])
    )
    changes = removed_and_added(greeting, after)
    assert set(changes) == {
        f"api/{name}"
        for name in (
            "greetings.h",
            "greetings.c",
            "handlers.h",
            "router.c",
            "api.md",
            "openapi.json",
        )
    }
    for file, (removed, added) in changes.items():
        if file.endswith(".json"):  # an entry that was the last gets a comma
            removed = [line for line in removed if line + "," not in added]
        assert removed == [], file
        assert added
    assert len(changes["api/router.c"][1]) < 75
    assert len(changes["api/greetings.c"][1]) < 75


def test_a_field_changes_only_lines_about_it(greeting: dict[str, str], tmp_path: Path) -> None:
    text = GREETING.replace(
        '    Field("mood"',
        '    Field("times_a_day", Integer(), "How often a day.", default=1),\n    Field("mood"',
    )
    changes = removed_and_added(greeting, tree.texts(outputs([load(tmp_path, "greetings", text)])))
    assert set(changes) == {"api/greetings.h", "api/greetings.c", "api/api.md", "api/openapi.json"}
    for removed, added in changes.values():
        assert removed == [] and all(
            "times_a_day" in line.lower() or len(added) < 20 for line in added
        )


def test_the_served_api_is_the_same_for_every_hash_seed() -> None:
    program = (
        "import hashlib, sys; sys.path.insert(0, '.');"
        "from tests.api.conftest import served_families; from cllm_gen.emit import tree;"
        "from cllm_gen.lower.api.outputs import outputs;"
        "print(hashlib.sha256(repr(tree.texts(outputs(served_families()))).encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(seen) == 1


def test_the_openapi_document_agrees_with_the_routes() -> None:
    families = served_families()
    document = json.loads(tree.texts(outputs(families))["api/openapi.json"])
    assert document["openapi"].startswith("3.1.")
    assert {"title", "version"} <= document["info"].keys()
    operations = {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    routes = {
        (route.pattern.method, route.pattern.path): route
        for family in families
        for route in family.routes
    }
    assert operations.keys() == routes.keys()
    assert len({operation["operationId"] for operation in operations.values()}) == len(operations)
    schemas = document["components"]["schemas"]
    for key, operation in operations.items():
        route = routes[key]
        assert [p["name"] for p in operation.get("parameters", [])] == list(
            route.pattern.parameters
        )
        assert all(p["in"] == "path" and p["required"] for p in operation.get("parameters", []))
        assert ("security" in operation) == route.authenticated
        content = operation["responses"]["200"]["content"]
        if isinstance(route.response, Text):
            assert list(content) == [route.response.media_type]
        else:
            assert content["application/json"]["schema"] == schema_of(route.response)
        assert ("text/event-stream" in content) == (route.stream is not None)
        assert ("requestBody" in operation) == (route.request is not None)
        if route.request:
            schema = schemas[route.request.name]
            assert list(schema["properties"]) == [member.name for member in route.request.members]
            assert schema.get("required", []) == [
                field.name for field in route.request.fields if field.required
            ]


def test_aliases_are_told_beside_their_route(tmp_path: Path) -> None:
    text = """
o = Object("o", "O.")
api = Api("a", "A.", Route("GET /v1/a", "S.", handler="handle_a", response=o, aliases=["/a"]),
    Route("GET /b", "S.", handler="handle_b", response=Text("text/plain", "words.")))
"""
    made = tree.texts(outputs([load(tmp_path, "a", text)]))
    paths = json.loads(made["api/openapi.json"])["paths"]
    assert list(paths) == ["/v1/a", "/b"] and paths["/v1/a"]["get"]["x-aliases"] == ["/a"]
    assert list(paths["/b"]["get"]["responses"]["200"]["content"]) == ["text/plain"]
    assert "- also at `/a`\n" in made["api/api.md"]
    assert "- response: `text/plain`: words.\n" in made["api/api.md"]
    old, new = ({"paths": {"/v1/a": {"get": {"x-aliases": each}}}} for each in (["/a"], []))
    (change,) = compare_apis(old, new)
    assert change.line() == "- **breaking** route `GET /a` removed"


def test_every_reference_of_the_openapi_document_leads_somewhere() -> None:
    document = json.loads(tree.texts(outputs(served_families()))["api/openapi.json"])
    used = set()

    def walk(value) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                used.add(value["$ref"].removeprefix("#/components/schemas/"))
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(document)
    assert used == set(document["components"]["schemas"])


def test_the_page_lists_every_route_and_object() -> None:
    families = served_families()
    text = tree.texts(outputs(families))["api/api.md"]
    for family in families:
        for route in family.routes:
            assert f"### {route.notation}\n" in text
    for link in set(re.findall(r"\]\(#(\w+)\)", text)):
        assert text.count(f'<a id="{link}"></a>') == 1, link
