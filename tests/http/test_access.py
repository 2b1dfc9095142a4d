"""Who may ask: keys, and pages of other origins; what a request is called."""

from __future__ import annotations

import subprocess

import pytest

from tests.http.harness import Harness, parse_responses
from tests.http.messages import get, post

OWN, OTHER = "http://127.0.0.1:8080", "https://evil.example"


def status(output: bytes) -> int:
    (response,) = parse_responses(output)
    return response.status


@pytest.fixture
def with_words(program):
    """A function from command line to a running server."""
    running = []

    def start(words: str) -> Harness:
        running.append(Harness(program, words))
        return running[-1]

    yield start
    for each in running:
        each.stop()


def ask(http: Harness, *fields: str, host: str = "127.0.0.1:8080", path="/health", method="GET"):
    """The response to a request with these fields."""
    rows = [f"{method} {path} HTTP/1.1", f"Host: {host}", *fields, "", ""]
    (response,) = parse_responses(http.exchange("\r\n".join(rows).encode())[1], [method])
    return response


# ---- keys ----


@pytest.mark.parametrize(
    "field",
    [None, "Bearer", "Bearer ", "Bearer wrong", "Bearer sesam", "Bearer sesamee", "Basic sesame",
     "sesame", "Bearersesame", "Bearer SESAME"],
)  # fmt: skip
def test_wrong_key(http_with_key, field):
    fields = [f"Authorization: {field}"] if field is not None else []
    response = parse_responses(http_with_key.exchange(get("/secret", *fields))[1])[0]
    assert response.status == 401
    assert response.fields["www-authenticate"] == "Bearer"
    assert b'"code":"invalid_api_key"' in response.body


@pytest.mark.parametrize("field", ["Bearer sesame", "bearer sesame", "BEARER  sesame "])
def test_right_key(http_with_key, field):
    assert status(http_with_key.exchange(get("/secret", f"Authorization: {field}"))[1]) == 200


def test_key_is_asked_for_only_where_the_route_says(http_with_key):
    assert status(http_with_key.exchange(get("/health"))[1]) == 200
    assert status(http_with_key.exchange(get("/secret", method="OPTIONS"))[1]) == 204


def test_no_key_is_needed_when_none_is_set(http):
    assert status(http.exchange(get("/secret"))[1]) == 200


@pytest.mark.parametrize(
    "field", ["x-api-key: sesame", "X-Api-Key:open", "Authorization: Bearer x"]
)
def test_any_key_in_either_field(http_with_key, field):
    assert status(http_with_key.exchange(get("/secret", field))[1]) == 200


@pytest.mark.parametrize(
    "field", ["x-api-key: Bearer sesame", "x-api-key:", "x-api-key: sesame,open", "x-api-key: ,"]
)
def test_no_key_in_the_other_field(http_with_key, field):
    assert status(http_with_key.exchange(get("/secret", field))[1]) == 401


def test_one_right_key_of_two_fields_is_enough(http_with_key):
    """Clients of one API send a placeholder in the field of the other."""
    fields = ["Authorization: Bearer none", "x-api-key: open"]
    assert status(http_with_key.exchange(get("/secret", *fields))[1]) == 200


@pytest.mark.parametrize("words", ["key=,", "key=a,", "key=,a", "key=a,,b"])
def test_lists_with_an_empty_key_are_refused(program, words):
    ended = subprocess.run([program, words], stdin=subprocess.DEVNULL, capture_output=True)
    assert ended.returncode == 2 and b"key=: expected keys" in ended.stderr


# ---- origins ----


@pytest.mark.parametrize("origin", [OTHER, "http://127.0.0.1:8081", "http://127.0.0.1", "null", ""])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_without_keys_pages_of_other_origins_get_nothing(http, origin, method):
    response = ask(http, f"Origin: {origin}", method=method)
    assert response.status == 403 and b"origin_not_allowed" in response.body
    assert not any(name.startswith("access-control") for name in response.fields)


def test_a_strange_pages_body_meets_no_handler(http):
    message = post(b"abc", "Content-Length: 3", f"Origin: {OTHER}", path="/defer")
    assert status(http.exchange(message)[1]) == 403
    assert http.answer(0) == b"-"


@pytest.mark.parametrize(
    "origin, host",
    [
        (OWN, "127.0.0.1:8080"),
        ("http://localhost:3000", "LOCALHOST:3000"),
        ("https://10.0.2.15", "10.0.2.15"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://a.localhost", "a.localhost"),
    ],
)
def test_its_own_pages_may_ask(http, origin, host):
    response = ask(http, f"Origin: {origin}", host=host)
    assert response.status == 200
    assert response.fields["access-control-allow-origin"] == origin
    assert response.fields["vary"] == "Origin"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "notlocalhost", "127.0.0.1.a", ""]
)
def test_a_name_that_anybody_may_bind_to_this_address_is_not_its_own(http, host):
    """DNS rebinding: the page's name resolves to this server when the page asks again."""
    assert ask(http, f"Origin: http://{host}", host=host).status == 403


def test_listed_origins_may_ask(with_words):
    http = with_words("origin=http://localhost:3000,https://chat.example")
    for origin in ("http://localhost:3000", "https://Chat.Example"):
        response = ask(http, f"Origin: {origin}")
        assert response.status == 200
        assert response.fields["access-control-allow-origin"] == origin
    for origin in (OTHER, "http://chat.example", "https://chat.example:444", "null"):
        assert ask(http, f"Origin: {origin}").status == 403
    assert ask(http, f"Origin: {OWN}").status == 200


def test_any_origin_may_ask_where_the_list_says_so(with_words):
    http = with_words("origin=*")
    for origin in (OTHER, "null"):
        response = ask(http, f"Origin: {origin}")
        assert (response.status, response.fields["access-control-allow-origin"]) == (200, origin)


def test_with_a_key_it_is_the_key_that_opens(http_with_key):
    response = ask(http_with_key, f"Origin: {OTHER}", "x-api-key: open", path="/secret")
    assert (response.status, response.fields["access-control-allow-origin"]) == (200, OTHER)
    refused = ask(http_with_key, f"Origin: {OTHER}", path="/secret")
    assert (refused.status, refused.fields["access-control-allow-origin"]) == (401, OTHER)
    assert "access-control-allow-credentials" not in refused.fields


def test_a_list_holds_with_a_key_too(with_words):
    http = with_words("key=sesame origin=http://localhost:3000")
    assert ask(http, f"Origin: {OTHER}", "x-api-key: sesame", path="/secret").status == 403
    listed = "Origin: http://localhost:3000"
    assert ask(http, listed, "x-api-key: sesame", path="/secret").status == 200
    assert ask(http, listed, path="/secret").status == 401


def test_preflight(with_words):
    http = with_words("origin=http://localhost:3000")
    fields = ask(
        http,
        "Origin: http://localhost:3000",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: authorization,content-type,x-stainless-os",
        path="/echo",
        method="OPTIONS",
    ).fields
    assert fields["access-control-allow-origin"] == "http://localhost:3000"
    assert fields["access-control-allow-methods"] == "POST, PUT, OPTIONS"
    # The wildcard covers everything but Authorization, which must be named.
    assert fields["access-control-allow-headers"] == "*, Authorization"


@pytest.mark.parametrize("word", ["localhost", "http://", "http://a/", "ftp://a", "http://a,b"])
def test_lists_that_hold_no_origins_are_refused(program, word):
    ended = subprocess.run(
        [program, f"origin={word}"], stdin=subprocess.DEVNULL, capture_output=True
    )
    assert ended.returncode == 2 and b"origin=: expected origins" in ended.stderr


# ---- names of requests ----


def test_a_clients_name_for_a_request_is_echoed(http):
    for name in ("a", "req_01HZ.x:y+z/=@~-", "x" * 128):
        assert ask(http, f"X-Request-Id: {name}").fields["x-request-id"] == name
    assert ask(http, "X-Request-Id: mine", path="/none").fields["x-request-id"] == "mine"


@pytest.mark.parametrize("name", ["", "a b", "<b>", "x" * 129, 'a"b', "caf\xe9", "a,b", "a;b"])
def test_names_that_could_mean_something_are_not(http, name):
    assert len(ask(http, f"X-Request-Id: {name}").fields["x-request-id"]) == 24


def test_every_response_has_a_name_of_its_own(http):
    http.exchange(get() + get("/none") + get("/stream") + get())
    names = [ask(http).fields["x-request-id"]]
    http.open()
    http.feed(get() + get("/none") + get("/stream") + b"nonsense\r\n")
    names += [each.fields["x-request-id"] for each in parse_responses(http.output()[1])]
    assert len(set(names)) == 5


# ---- encoded bodies, and trying again ----


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br, identity", "identity,deflate"])
def test_encoded_bodies_are_refused(http, coding):
    message = post(b"abc", "Content-Length: 3", f"Content-Encoding: {coding}")
    (response,) = parse_responses(http.exchange(message)[1])
    assert (response.status, response.fields["accept-encoding"]) == (415, "identity")
    http.feed(get())
    assert status(http.output()[1]) == 200, "the connection goes on"


def test_identity_is_no_coding(http):
    message = post(b"abc", "Content-Length: 3", "Content-Encoding: identity")
    assert parse_responses(http.exchange(message)[1])[0].body == b"abc"


def test_a_client_is_told_when_to_try_again(http):
    fields = {
        path: ask(http, path=path).fields.get("retry-after")
        for path in ("/busy", "/busy/7", "/none")
    }
    assert fields == {"/busy": "1", "/busy/7": "7", "/none": None}
