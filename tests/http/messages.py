"""Messages and what must come back, each replayed at every chunk size by test_messages.py."""

from __future__ import annotations

from dataclasses import dataclass

from tests.http.harness import LIMITS


@dataclass(frozen=True)
class Case:
    """Bytes on a fresh connection; the statuses that answer them, the bodies where given, and
    whether the connection is closed after the last."""

    name: str
    message: bytes
    statuses: tuple[int, ...]
    bodies: tuple[bytes, ...] | None = None
    closed: bool = False
    methods: tuple[str, ...] = ()


def get(path: str = "/health", *fields: str, version: str = "1.1", method: str = "GET") -> bytes:
    rows = [f"{method} {path} HTTP/{version}", "Host: example.org", *fields]
    return "".join(f"{row}\r\n" for row in rows).encode("latin-1") + b"\r\n"


def post(body: bytes, *fields: str, path: str = "/echo", version: str = "1.1") -> bytes:
    return get(path, *fields, version=version, method="POST") + body


def raw(*rows: str) -> bytes:
    return "".join(f"{row}\r\n" for row in rows).encode("latin-1") + b"\r\n"


def refused(name: str, message: bytes, status: int = 400) -> Case:
    return Case(name, message, (status,), closed=True)


CHUNKED = "Transfer-Encoding: chunked"
HOST = "Host: a"
WELL = (b"well",)

ACCEPTED = [
    Case("plain get", get(), (200,), WELL),
    Case("field names in any case", raw("GET /health HTTP/1.1", "hOST:a"), (200,), WELL),
    Case(
        "no space around a value", raw("GET /health HTTP/1.1", "Host:a", "X:\t y \t"), (200,), WELL
    ),
    Case("empty field value", raw("GET /health HTTP/1.1", "Host:", "X-Empty:"), (200,), WELL),
    Case("bytes above 127 in a value", get("/health", "X-Name: caf\xe9"), (200,), WELL),
    Case("empty lines before a request", b"\r\n\r\n" + get(), (200,), WELL),
    Case("query is not part of the path", get("/health?a=/b?c"), (200,), WELL),
    Case("empty query", get("/health?"), (200,), WELL),
    Case("encoded letters are letters", get("/he%61lt%68"), (200,), WELL),
    Case("encoded slash is no slash", get("/items%2fa"), (404,)),
    Case("parameter is handed on as it came", get("/items/a%2Fb"), (200,), (b"a%2Fb",)),
    Case("absolute form", get("http://example.org/health"), (200,), WELL),
    Case("absolute form with a port and query", get("http://a:80/health?x"), (200,), WELL),
    Case("absolute form without a path", get("http://a"), (404,)),
    Case("HTTP/1.0 closes", get(version="1.0"), (200,), WELL, closed=True),
    Case("HTTP/1.0 needs no host", raw("GET /health HTTP/1.0"), (200,), WELL, closed=True),
    Case(
        "HTTP/1.0 may stay", get("/health", "Connection: Keep-Alive", version="1.0"), (200,), WELL
    ),
    Case("a later minor version", get(version="1.7"), (200,), WELL),
    Case("connection close", get("/health", "Connection: close"), (200,), WELL, closed=True),
    Case("close in a list", get("/health", "Connection: foo, ,CLOSE"), (200,), WELL, closed=True),
    Case("unknown fields", get("/health", "Upgrade: h2c", "Connection: upgrade"), (200,), WELL),
    Case("content length", post(b"hello", "Content-Length: 5"), (200,), (b"hello",)),
    Case("content length with zeros", post(b"hello", "Content-Length: 0005"), (200,), (b"hello",)),
    Case("empty body", post(b"", "Content-Length: 0"), (200,), (b"",)),
    Case(
        "body of any bytes",
        post(b"\0\r\n\r\n\xff", "Content-Length: 6"),
        (200,),
        (b"\0\r\n\r\n\xff",),
    ),
    Case("a get may have a body", get("/health", "Content-Length: 3") + b"abc", (200,), WELL),
    Case("chunked", post(b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", CHUNKED), (200,), (b"hello!",)),
    Case("chunked in capitals", post(b"0\r\n\r\n", "transfer-encoding: CHUNKED"), (200,), (b"",)),
    Case(
        "hexadecimal sizes",
        post(b"A\r\n0123456789\r\n00a\r\n0123456789\r\n000\r\n\r\n", CHUNKED),
        (200,),
        (b"01234567890123456789",),
    ),
    Case("chunk extensions", post(b'1;a="b";c\r\nx\r\n0 ;d\r\n\r\n', CHUNKED), (200,), (b"x",)),
    Case(
        "line ends inside a chunk",
        post(b"4\r\n\r\n\r\n\r\n0\r\n\r\n", CHUNKED),
        (200,),
        (b"\r\n\r\n",),
    ),
    Case(
        "trailers are dropped",
        post(b"1\r\nx\r\n0\r\nA: b\r\nHost: c\r\n\r\n", CHUNKED),
        (200,),
        (b"x",),
    ),
    Case("head has no body", get(method="HEAD"), (200,), (b"",), methods=("HEAD",)),
    Case("head of a stream", get("/stream", method="HEAD"), (200,), (b"",), methods=("HEAD",)),
    Case("head of an unknown path", get("/x", method="HEAD"), (404,), (b"",), methods=("HEAD",)),
    Case("stream", get("/stream"), (200,), (b"onetwo",)),
    Case("stream to HTTP/1.0", get("/stream", version="1.0"), (200,), (b"onetwo",), closed=True),
    Case(
        "pipelined",
        get() + post(b"ab", "Content-Length: 2") + get("/stream") + get(),
        (200, 200, 200, 200),
        (b"well", b"ab", b"onetwo", b"well"),
    ),
    Case("pipelined after an error", get("/none") + get(), (404, 200)),
    Case(
        "pipelined after close",
        get("/health", "Connection: close") + get(),
        (200,),
        WELL,
        closed=True,
    ),
    Case(
        "continue",
        post(b"hi", "Content-Length: 2", "Expect: 100-continue"),
        (100, 200),
        (b"", b"hi"),
    ),
    Case("continue for chunks", post(b"0\r\n\r\n", CHUNKED, "Expect: 100-Continue"), (100, 200)),
    Case("continue without a body", post(b"", "Content-Length: 0", "Expect: 100-continue"), (200,)),
    Case(
        "continue is not for HTTP/1.0",
        post(b"hi", "Content-Length: 2", "Expect: 100-continue", version="1.0"),
        (200,),
        (b"hi",),
        closed=True,
    ),
    Case(
        "no continue for what is refused",
        post(b"", "Content-Length: 2", "Expect: 100-continue", path="/none"),
        (404,),
        closed=True,
    ),
    Case("options", get(method="OPTIONS"), (204,)),
    Case("options of everything", get("*", method="OPTIONS"), (204,)),
    Case("options of nothing", get("/none", method="OPTIONS"), (404,)),
    Case("unknown path", get("/none"), (404,)),
    Case("unknown path with a body", post(b"abc", "Content-Length: 3", path="/none"), (404,)),
    Case("wrong method", get(method="DELETE"), (405,)),
    Case("post without a length", post(b""), (411,)),
    Case(
        "longest request line",
        get("/health?" + "x" * (LIMITS.request_line_bytes - 23)),
        (200,),
        WELL,
    ),
    Case("most fields", get("/health", *["A: b"] * (LIMITS.header_fields - 1)), (200,), WELL),
]

REFUSED = [
    refused("garbage", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n"),
    refused("one word", raw("GET")),
    refused("two words (HTTP/0.9)", raw("GET /health")),
    refused("two spaces", raw("GET  /health HTTP/1.1", HOST)),
    refused("space behind the version", raw("GET /health HTTP/1.1 ", HOST)),
    refused("lower-case http", raw("GET /health http/1.1", HOST)),
    refused("version without a minor", raw("GET /health HTTP/1", HOST)),
    refused("long version", raw("GET /health HTTP/1.10", HOST)),
    refused("method that is no token", raw("G(T /health HTTP/1.1", HOST)),
    refused("relative target", raw("GET health HTTP/1.1", HOST)),
    refused("asterisk for get", raw("GET * HTTP/1.1", HOST)),
    refused("other scheme", raw("GET ftp://a/health HTTP/1.1", HOST)),
    refused("absolute form without a host", raw("GET http:///health HTTP/1.1", HOST)),
    refused("fragment", raw("GET /health#a HTTP/1.1", HOST)),
    refused("byte above 127 in the target", raw("GET /caf\xe9 HTTP/1.1", HOST)),
    refused("zero byte in the target", raw("GET /a\0b HTTP/1.1", HOST)),
    refused("broken percent", raw("GET /%4 HTTP/1.1", HOST)),
    refused("percent without digits", raw("GET /%zz HTTP/1.1", HOST)),
    refused("bare line feed", b"GET /health HTTP/1.1\nHost: a\r\n\r\n"),
    refused("bare line feed in the fields", b"GET /health HTTP/1.1\r\nHost: a\n\r\n"),
    refused("bare carriage return", b"GET /health HTTP/1.1\r\nHost: a\rb\r\n\r\n"),
    refused("two carriage returns", b"GET /health HTTP/1.1\r\r\nHost: a\r\n\r\n"),
    refused("bare line feed before a request", b"\n" + get()),
    refused("no host", raw("GET /health HTTP/1.1")),
    refused("two hosts", raw("GET /health HTTP/1.1", HOST, HOST)),
    refused("host with a path", raw("GET /health HTTP/1.1", "Host: a/b")),
    refused("host list", raw("GET /health HTTP/1.1", "Host: a, b")),
    refused("space before the colon", raw("GET /health HTTP/1.1", "Host : a")),
    refused("no colon", raw("GET /health HTTP/1.1", HOST, "what")),
    refused("empty name", raw("GET /health HTTP/1.1", HOST, ": a")),
    refused("folded field", raw("GET /health HTTP/1.1", HOST, "A: b", " c")),
    refused("first field indented", raw("GET /health HTTP/1.1", " Host: a")),
    refused("zero byte in a value", raw("GET /health HTTP/1.1", HOST, "A: b\0c")),
    refused("delete byte in a value", raw("GET /health HTTP/1.1", HOST, "A: b\x7fc")),
    refused("length and chunked", post(b"0\r\n\r\n", CHUNKED, "Content-Length: 5")),
    refused("chunked and length", post(b"0\r\n\r\n", "Content-Length: 5", CHUNKED)),
    refused("two lengths", post(b"hello", "Content-Length: 5", "Content-Length: 6")),
    refused("the same length twice", post(b"hello", "Content-Length: 5", "Content-Length: 5")),
    refused("length list", post(b"hello", "Content-Length: 5, 5")),
    refused("negative length", post(b"", "Content-Length: -1")),
    refused("length with a sign", post(b"hello", "Content-Length: +5")),
    refused("hexadecimal length", post(b"hello", "Content-Length: 0x5")),
    refused("empty length", post(b"", "Content-Length:")),
    refused("length with a space", post(b"", "Content-Length: 1 1")),
    refused("chunked twice", post(b"0\r\n\r\n", "Transfer-Encoding: chunked, chunked")),
    refused("chunked twice in two fields", post(b"0\r\n\r\n", CHUNKED, CHUNKED)),
    refused("chunked is not last", post(b"0\r\n\r\n", "Transfer-Encoding: chunked, gzip")),
    refused("empty coding", post(b"0\r\n\r\n", "Transfer-Encoding: ")),
    refused("chunked in HTTP/1.0", post(b"0\r\n\r\n", CHUNKED, version="1.0")),
    refused("other coding", post(b"", "Transfer-Encoding: gzip, chunked"), 501),
    refused("obfuscated coding", post(b"", "Transfer-Encoding: xchunked"), 501),
    refused("chunk without a size", post(b"\r\nhello", CHUNKED)),
    refused("chunk size with 0x", post(b"0x5\r\nhello\r\n", CHUNKED)),
    refused("negative chunk", post(b"-1\r\n", CHUNKED)),
    refused("space before a chunk size", post(b" 5\r\nhello\r\n", CHUNKED)),
    refused("chunk longer than its size", post(b"3\r\nhello\r\n", CHUNKED)),
    refused("chunk ends in a bare line feed", post(b"1\r\nx\n0\r\n\r\n", CHUNKED)),
    refused("chunk size ends in a bare line feed", post(b"1\nx\r\n0\r\n\r\n", CHUNKED)),
    refused("carriage return in an extension", post(b"1;a\rb\r\nx\r\n", CHUNKED)),
    refused("text behind a chunk size", post(b"1 x\r\nx\r\n", CHUNKED)),
    refused("endless chunk extension", post(b"1;" + b"a" * 300, CHUNKED)),
    refused("folded trailer", post(b"0\r\nA: b\r\n c\r\n\r\n", CHUNKED)),
    refused("unknown expectation", get("/health", "Expect: tea"), 417),
    refused("unknown method", get(method="BREW"), 501),
    refused("connect", raw("CONNECT a:80 HTTP/1.1", HOST), 501),
    refused("method in lower case", get(method="get"), 501),
    refused("next version", get(version="2.0"), 505),
    refused("version nine", get(version="0.9"), 505),
    refused("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    refused("long target", get("/" + "x" * LIMITS.request_line_bytes), 414),
    refused("endless target", b"GET /" + b"x" * LIMITS.request_line_bytes, 414),
    refused("too many fields", get("/health", *["A: b"] * LIMITS.header_fields), 431),
    refused("long fields", get("/health", *[f"A: {'b' * 4000}"] * 5), 431),
    refused("endless field", get("/health")[:-2] + b"A: " + b"b" * LIMITS.header_bytes, 431),
    refused("too many trailers", post(b"0\r\n" + b"A: b\r\n" * 65 + b"\r\n", CHUNKED), 431),
    refused("large length", post(b"", f"Content-Length: {LIMITS.body_bytes + 1}"), 413),
    refused("length beyond 64 bits", post(b"", "Content-Length: 18446744073709551621"), 413),
    refused("large chunk", post(b"100001\r\n", CHUNKED), 413),
    refused("chunk size beyond 64 bits", post(b"10000000000000005\r\nhello\r\n", CHUNKED), 413),
]

CASES = [*ACCEPTED, *REFUSED]
