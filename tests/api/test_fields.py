"""Every error names the field and the rule it broke; what is accepted is honoured."""

from __future__ import annotations

import json

import pytest

from tests.api.harness import Driver

ERRORS = {  # body: (param, message)
    "[]": ("", "The request body must be an object, not an array."),
    '"x"': ("", "The request body must be an object, not a string."),
    '{"text":1}': ("text", "text must be a string, not a number."),
    '{"text":null}': ("text", "text must be a string, not null."),
    '{"bounded":"a"}': ("bounded", "bounded must have at least 2 characters."),
    '{"bounded":"\\u00e9\\ud83d\\ude00\\n\\n\\n"}': (
        "bounded",
        "bounded must have at most 4 characters.",
    ),
    '{"flag":"true"}': ("flag", "flag must be a boolean, not a string."),
    '{"flag":0}': ("flag", "flag must be a boolean, not a number."),
    '{"count":6}': ("count", "count must be between -5 and 5."),
    '{"count":-6}': ("count", "count must be between -5 and 5."),
    '{"count":1.5}': ("count", "count must be an integer."),
    '{"count":1e300}': ("count", "count must be between -5 and 5."),
    '{"count":99999999999999999999}': ("count", "count must be between -5 and 5."),
    '{"count":"5"}': ("count", "count must be an integer, not a string."),
    '{"big":9223372036854775808}': ("big", "big must be an integer of 64 bits."),
    '{"big":-9223372036854775809}': ("big", "big must be an integer of 64 bits."),
    '{"positive":0}': ("positive", "positive must be at least 1."),
    '{"positive":-99999999999999999999}': ("positive", "positive must be at least 1."),
    '{"positive":99999999999999999999}': (
        "positive",
        "positive must be at most 9223372036854775807.",
    ),
    '{"negative":0}': ("negative", "negative must be at most -1."),
    '{"real":"1"}': ("real", "real must be a number, not a string."),
    '{"real":1e400}': ("real", "real is too large."),
    '{"share":1.0000001}': ("share", "share must be between 0 and 1."),
    '{"share":-1e-300}': ("share", "share must be between 0 and 1."),
    '{"low":10.5}': ("low", "low must be at most 10."),
    '{"color":"greenish"}': (
        "color",
        'color must be one of "red", "green", "greenish-blue", "greenish-red".',
    ),
    '{"color":"greenish-bluE"}': (
        "color",
        'color must be one of "red", "green", "greenish-blue", "greenish-red".',
    ),
    '{"color":"red\\u0000"}': (
        "color",
        'color must be one of "red", "green", "greenish-blue", "greenish-red".',
    ),
    '{"color":1}': ("color", "color must be a string, not a number."),
    '{"color":null}': ("color", "color must be a string, not null."),
    '{"only":"that"}': ("only", 'only must be "this".'),
    '{"choice":"toolong"}': ("choice", "choice must have at most 5 characters."),
    '{"choice":[]}': ("choice", "choice must have at least 1 element."),
    '{"choice":[1,2,3,4,5]}': ("choice", "choice must have at most 4 elements."),
    '{"choice":[1,"a"]}': ("choice[1]", "choice[1] must be an integer, not a string."),
    '{"choice":["a",1]}': ("choice[1]", "choice[1] must be a string, not a number."),
    '{"choice":[[1],[true]]}': ("choice[1][0]", "choice[1][0] must be an integer, not a boolean."),
    '{"choice":[null]}': (
        "choice",
        "choice must be a string, a boolean, a number, an object, an array of strings, an array of integers or "
        "an array of arrays of integers, not an array.",
    ),
    '{"choices":["a","b","c","d"]}': ("choices", "choices must have at most 3 elements."),
    '{"choices":["a",{"label":""}]}': (
        "choices[1].label",
        "choices[1].label must have at least 1 character.",
    ),
    '{"inner":{}}': ("inner.label", "inner.label is required."),
    '{"inner":{"label":"x","weight":-2}}': ("inner.weight", "inner.weight must be at least -1."),
    '{"inner":{"label":"x","deep":[[],[0,-1]]}}': (
        "inner.deep[1][1]",
        "inner.deep[1][1] must be at least 0.",
    ),
    '{"inners":[{"label":"a"},{"weight":1}]}': ("inners[1].label", "inners[1].label is required."),
    '{"pair":[true]}': ("pair", "pair must have at least 2 elements."),
    '{"pair":[true,true,true]}': ("pair", "pair must have at most 2 elements."),
    '{"never":false}': ("never", "never is not supported: it never works; only null is accepted."),
    '{"by_name":[]}': ("by_name", "by_name must be an object, not an array."),
    '{"by_name":{"a":[1],"b":[2,10]}}': ("by_name[1]", "by_name[1] must be at most 9."),
    '{"volume":2}': ("volume", "volume must be between 0 and 1."),
    '{"forbidden":true}': (
        "forbidden",
        "forbidden is not supported: it is shared by none; only null or false is accepted.",
    ),
    '{"nearly":true}': (
        "nearly",
        'nearly is not supported: it hardly works; only null, false, 1, 2.5, "auto", [] or {} is accepted.',
    ),
}


@pytest.mark.parametrize("body", ERRORS)
def test_errors(echo: Driver, body: str) -> None:
    param, message = ERRORS[body]
    assert echo.dispatch("POST /echo", body) == f"400|invalid_request_error|{param}|{message}"


@pytest.mark.parametrize(
    "body, volume",
    [
        ("{}", 0.75),
        ('{"volume":0.25}', 0.25),
        ('{"volume":0.25,"volume":null}', 0.75),
        ('{"volume":null,"aside":[{}],"forbidden":false,"volum":9,"volumes":9,"volume":1}', 1),
    ],
)
def test_a_groups_fields_stand_among_the_objects_own(
    echo: Driver, body: str, volume: float
) -> None:
    answer = json.loads(echo.dispatch("POST /echo", body))
    assert answer["volume"] == volume and answer["color"] == "green" and "remark" not in answer
    assert json.loads(echo.dispatch("POST /echo", '{"remark":"a"}'))["remark"] == "a"


@pytest.mark.parametrize(
    "value", ["2", '"autos"', "[1]", '{"a":1}', "1.1", '"aut"', "[[]]", "-1", '""', "1e1"]
)
def test_refused_values(echo: Driver, value: str) -> None:
    assert echo.dispatch("POST /echo", f'{{"nearly":{value}}}').startswith(
        "400|invalid_request_error|nearly|"
    )


@pytest.mark.parametrize(
    "value", ["null", "false", "1", "1.0", "10e-1", "2.5", '"auto"', '"\\u0061uto"', "[ ]", "{ }"]
)
def test_values_that_change_nothing(echo: Driver, value: str) -> None:
    answer = echo.dispatch("POST /echo", f'{{"nearly":{value},"count":3}}')
    assert json.loads(answer)["count"] == 3


@pytest.mark.parametrize("value", ["fals", "[", '"\\ud800"', "-", "{1}"])
def test_broken_values_of_refused_fields_are_bad_json(echo: Driver, value: str) -> None:
    assert "not valid JSON" in echo.dispatch("POST /echo", f'{{"nearly":{value}}}')


def test_syntax_errors_name_the_place(echo: Driver) -> None:
    answer = echo.dispatch("POST /echo", '{\n  "text": "x",\n  "flag" true\n}')
    assert answer.endswith(
        "|The request body is not valid JSON: ':' expected at line 3, column 10."
    )
    answer = echo.dispatch("POST /echo", '{"text": "x"')
    assert answer.endswith("',' or '}' expected instead of the end at line 1, column 13.")


def test_integers_may_be_written_as_reals(echo: Driver) -> None:
    assert json.loads(echo.dispatch("POST /echo", '{"count":-5.0,"positive":12e2}')) == {
        "count": -5,
        "positive": 1200,
        "share": 0.25,
        "color": "green",
        "greeting": 'hé "?\\',
        "volume": 0.75,
    }


# What the official client and its users send, against the specs that are served.

CHAT = "POST /v1/chat/completions"
TEXT = "POST /v1/completions"
NATIVE = "POST /completion"
USER = '"messages":[{"role":"user","content":"Hi"}]'

SERVED_ERRORS = {
    (CHAT, "{}"): ("messages", "messages is required."),
    (CHAT, '{"messages":[]}'): ("messages", "messages must have at least 1 element."),
    (CHAT, '{"messages":[{"content":"Hi"}]}'): (
        "messages[0].role",
        "messages[0].role is required.",
    ),
    (CHAT, '{"messages":[{"role":"user"}]}'): (
        "messages[0].content",
        "messages[0].content is required.",
    ),
    (CHAT, '{"messages":[{"role":"tool","content":"4"}]}'): (
        "messages[0].role",
        'messages[0].role must be one of "system", "developer", "user", "assistant".',
    ),
    (
        CHAT,
        '{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}',
    ): (
        "messages[0].content[0].type",
        'messages[0].content[0].type must be "text".',
    ),
    (CHAT, '{"messages":[{"role":"user","content":5}]}'): (
        "messages[0].content",
        "messages[0].content must be a string or an array of objects, not a number.",
    ),
    (CHAT, '{%s,"temperature":3}' % USER): ("temperature", "temperature must be between 0 and 2."),
    (CHAT, '{%s,"max_tokens":-2}' % USER): ("max_tokens", "max_tokens must be at least -1."),
    (CHAT, '{%s,"n":0}' % USER): ("n", "n must be between 1 and 128."),
    (CHAT, '{%s,"logprobs":2}' % USER): ("logprobs", "logprobs must be a boolean, not a number."),
    (CHAT, '{%s,"chat_template_kwargs":{"a":1}}' % USER): (
        "chat_template_kwargs",
        "chat_template_kwargs is not supported: the model's template takes none; only null or {} is accepted.",
    ),
    (CHAT, '{%s,"tools":[{"type":"function"}]}' % USER): (
        "tools",
        "tools is not supported: tools are not called; only null or [] is accepted.",
    ),
    (CHAT, '{%s,"response_format":{"type":"json_object"}}' % USER): (
        "response_format.type",
        'response_format.type must be "text".',
    ),
    (CHAT, '{%s,"stop":[%s]}' % (USER, ",".join(['"a"'] * 17))): (
        "stop",
        "stop must have at most 16 elements.",
    ),
    (CHAT, '{%s,"stop":""}' % USER): ("stop", "stop must have at least 1 character."),
    (CHAT, '{%s,"frequency_penalty":101}' % USER): (
        "frequency_penalty",
        "frequency_penalty must be between -100 and 100.",
    ),
    (CHAT, '{%s,"samplers":["top_k","infill"]}' % USER): (
        "samplers[1]",
        'samplers[1] must be one of "penalties", "dry", "top_n_sigma", "top_k", "typ_p", "typical_p", '
        '"top_p", "min_p", "xtc", "temperature".',
    ),
    (CHAT, '{%s,"adaptive_target":0.5}' % USER): (
        "adaptive_target",
        "adaptive_target is not supported: there is no rule adaptive_p; only null or -1 is accepted.",
    ),
    (CHAT, '{%s,"dry_sequence_breakers":[]}' % USER): (
        "dry_sequence_breakers",
        "dry_sequence_breakers must have at least 1 element.",
    ),
    (CHAT, '{%s,"repeat_last_n":-2}' % USER): (
        "repeat_last_n",
        "repeat_last_n must be at least -1.",
    ),
    (CHAT, '{%s,"mirostat":3}' % USER): ("mirostat", "mirostat must be between 0 and 2."),
    (TEXT, "{}"): ("prompt", "prompt is required."),
    (TEXT, '{"prompt":{}}'): (
        "prompt",
        "prompt must be a string, an array of strings, an array of integers or an array of arrays of integers, "
        "not an object.",
    ),
    (TEXT, '{"prompt":[-1]}'): ("prompt[0]", "prompt[0] must be at least 0."),
    (TEXT, '{"prompt":"x","echo":1}'): ("echo", "echo must be a boolean, not a number."),
    (TEXT, '{"prompt":"x","logprobs":21}'): ("logprobs", "logprobs must be between 0 and 20."),
    (TEXT, '{"prompt":"x","grammar":"root ::= x"}'): (
        "grammar",
        'grammar is not supported: answers are free text; only null or "" is accepted.',
    ),
    (NATIVE, "{}"): ("prompt", "prompt is required."),
    (NATIVE, '{"prompt":[1,[2,true]]}'): (
        "prompt[1][1]",
        "prompt[1][1] must be a string or an integer, not a boolean.",
    ),
    (NATIVE, '{"prompt":{"prompt_string":"x","multimodal_data":["x"]}}'): (
        "prompt.multimodal_data",
        "prompt.multimodal_data is not supported: only text is understood; only null or [] is accepted.",
    ),
    (NATIVE, '{"prompt":"x","json_schema":{}}'): (
        "json_schema",
        "json_schema is not supported: answers are free text; only null is accepted.",
    ),
    (NATIVE, '{"prompt":"x","lora":[{"id":0,"scale":1}]}'): (
        "lora",
        "lora is not supported: there are no adapters; only null or [] is accepted.",
    ),
    ("POST /v1/embeddings", '{"input":"x","encoding_format":"hex"}'): (
        "encoding_format",
        'encoding_format must be one of "float", "base64".',
    ),
    ("POST /tokenize", '{"content":["a"]}'): ("content", "content must be a string, not an array."),
    ("POST /detokenize", '{"tokens":[1,"2"]}'): (
        "tokens[1]",
        "tokens[1] must be an integer, not a string.",
    ),
}


@pytest.mark.parametrize("request_", SERVED_ERRORS, ids=lambda pair: " ".join(pair)[:60])
def test_served_errors(served: Driver, request_: tuple[str, str]) -> None:
    param, message = SERVED_ERRORS[request_]
    assert served.dispatch(*request_) == f"400|invalid_request_error|{param}|{message}"


def test_served_defaults(served: Driver) -> None:
    assert served.dispatch(CHAT, "{%s}" % USER) == "1 1 0 0 0"
    assert served.dispatch(TEXT, '{"prompt":[[1,2],[3]]}') == "1 1 0 0 0"


def test_everything_harmless_at_once(served: Driver) -> None:
    body = {
        "model": "any",
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
            {"role": "user", "content": "Hi"},
            {
                "role": "assistant",
                "content": "Hello",
                "refusal": None,
                "tool_calls": None,
                "annotations": [],
                "audio": None,
            },
            {"role": "assistant", "content": None},
            {"role": "developer", "content": None},
        ],
        "temperature": 0.5,
        "top_p": 0.25,
        "top_k": 40,
        "min_p": 0.125,
        "seed": -7,
        "stop": ["a", "b"],
        "stream": True,
        "stream_options": {"include_usage": True, "include_obfuscation": False},
        "n": 1,
        "logprobs": False,
        "top_logprobs": None,
        "logit_bias": {},
        "presence_penalty": 0,
        "frequency_penalty": 0.0,
        "tools": [],
        "tool_choice": "auto",
        "response_format": {"type": "text"},
        "modalities": ["text"],
        "user": "u",
        "store": False,
        "metadata": {"a": "b"},
        "service_tier": "auto",
        "parallel_tool_calls": True,
        "max_completion_tokens": 5,
        "max_tokens": None,
        "an_unknown_field": {"deeply": [{"nested": None}]},
    }
    assert served.dispatch(CHAT, json.dumps(body)) == "0.5 0.25 40 0.125 1"


def test_nulls_are_defaults(served: Driver) -> None:
    body = '{"prompt":"x","temperature":null,"top_p":null,"top_k":null,"min_p":null,"seed":null,"stop":null,"stream":null,"stream_options":null,"max_tokens":null}'
    assert served.dispatch(TEXT, body) == "1 1 0 0 0"


@pytest.mark.parametrize(
    "body, answer",
    [
        ('{"input":"x"}', "0 0"),
        ('{"input":["x","y"],"encoding_format":"base64"}', "1 1"),
        ('{"input":[1,2]}', "2 0"),
        ('{"input":[[1],[2]]}', "3 0"),
    ],
)
def test_embedding_inputs(served: Driver, body: str, answer: str) -> None:
    assert served.dispatch("POST /v1/embeddings", body) == answer


def test_tokens_arrive(served: Driver) -> None:
    assert served.dispatch("POST /detokenize", '{"tokens":[1,20,49151]}') == "12049151"
