"""Which API changes are breaking, one edit of a small document at a time."""

import copy

import pytest

from cllm_gen.check.compatibility import compare_apis

BASE = {
    "paths": {
        "/things": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}
                    }
                },
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}
                        }
                    }
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 8},
                    "colour": {"type": "string", "enum": ["red", "green"], "default": "red"},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
                },
            },
            "Part": {
                "type": "object",
                "properties": {
                    "size": {"type": "integer", "minimum": 1},
                    "next": {"$ref": "#/components/schemas/Part"},
                },
            },
            "Answer": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": "string"}},
            },
        }
    },
}


def schemas(document):
    return document["components"]["schemas"]


def edit_add_route(d):
    d["paths"]["/more"] = {"get": {"responses": {"200": {}}}}


def edit_remove_route(d):
    del d["paths"]["/things"]


def edit_add_optional(d):
    schemas(d)["Thing"]["properties"]["note"] = {"type": "string"}


def edit_add_required(d):
    edit_add_optional(d)
    schemas(d)["Thing"]["required"] = ["name", "note"]


def edit_narrow(d):
    schemas(d)["Part"]["properties"]["size"]["minimum"] = 3


def edit_widen(d):
    schemas(d)["Part"]["properties"]["size"]["minimum"] = 0


def edit_enum_removed(d):
    schemas(d)["Thing"]["properties"]["colour"]["enum"] = ["red"]


def edit_enum_added(d):
    schemas(d)["Thing"]["properties"]["colour"]["enum"] = ["red", "green", "blue"]


def edit_type(d):
    schemas(d)["Answer"]["properties"]["id"]["type"] = "integer"


def edit_response_optional(d):
    schemas(d)["Answer"]["required"] = []


def edit_response_field(d):
    schemas(d)["Answer"]["properties"]["more"] = {"type": "integer"}


def edit_default(d):
    schemas(d)["Thing"]["properties"]["colour"]["default"] = "green"


def test_bounds_of_alternatives_and_items_are_compared():
    old = copy.deepcopy(BASE)
    thing = schemas(old)["Thing"]["properties"]
    thing["heat"] = {"anyOf": [{"type": "number", "maximum": 2}, {"type": "null"}]}
    thing["list"] = {"type": "array", "items": {"type": "integer", "minimum": 0}}
    new = copy.deepcopy(old)
    schemas(new)["Thing"]["properties"]["heat"]["anyOf"][0]["maximum"] = 1
    schemas(new)["Thing"]["properties"]["list"]["items"]["minimum"] = 2
    texts = [(change.text.split("field ")[1], change.breaking) for change in compare_apis(old, new)]
    assert texts == [
        ("`heat` `maximum` changed from 2 to 1", True),
        ("`list` `items minimum` changed from 0 to 2", True),
    ]


def edit_authentication(d):
    d["paths"]["/things"]["post"]["security"] = [{"bearer": []}]


@pytest.mark.parametrize(
    "edit, text, breaking",
    [
        (edit_add_route, "route `GET /more` added", False),
        (edit_remove_route, "route `POST /things` removed", True),
        (edit_add_optional, "POST /things request: field `note` added", False),
        (edit_add_required, "POST /things request: required field `note` added", True),
        (
            edit_narrow,
            "POST /things request: field `parts[].size` `minimum` changed from 1 to 3",
            True,
        ),
        (
            edit_widen,
            "POST /things request: field `parts[].size` `minimum` changed from 1 to 0",
            False,
        ),
        (edit_enum_removed, "POST /things request: field `colour` value `green` removed", True),
        (edit_enum_added, "POST /things request: field `colour` value `blue` added", False),
        (edit_type, "POST /things 200 application/json: field `id` was string, is integer", True),
        (
            edit_response_optional,
            "POST /things 200 application/json: field `id` is now optional",
            True,
        ),
        (edit_response_field, "POST /things 200 application/json: field `more` added", False),
        (
            edit_default,
            "POST /things request: field `colour` default changed from 'red' to 'green'",
            False,
        ),
        (edit_authentication, "`POST /things` now needs authentication", True),
    ],
)
def test_one_edit_is_one_sentence(edit, text, breaking):
    new = copy.deepcopy(BASE)
    edit(new)
    changes = compare_apis(BASE, new)
    assert [(change.text, change.breaking) for change in changes] == [(text, breaking)]


def test_equal_documents_have_no_changes():
    assert compare_apis(BASE, copy.deepcopy(BASE)) == []
