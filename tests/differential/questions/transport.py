"""Requests that are wrong before their fields are looked at."""

from tests.differential.question import Question, get, raw

GOOD = b'{"prompt":"Hi","n_predict":1,"temperature":0}'

BODIES = {
    "nothing": b"",
    "no JSON": b"hello",
    "half an object": b'{"prompt":"Hi"',
    "a comma too many": b'{"prompt":"Hi",}',
    "two values": b'{"prompt":"Hi","n_predict":1} {}',
    "an array": b"[]",
    "a number": b"5",
    "null": b"null",
    "a text": b'"x"',
    "an empty object": b"{}",
    "a byte order mark": b'\xef\xbb\xbf{"prompt":"Hi","n_predict":1,"temperature":0}',
    "bytes that are no UTF-8": b'{"prompt":"\xff","n_predict":1}',
    "half a surrogate": b'{"prompt":"\\ud800","n_predict":1}',
    "a raw line break in a text": b'{"prompt":"a\nb","n_predict":1}',
    "a comment": b'{"prompt":"Hi" /* x */,"n_predict":1}',
    "NaN": b'{"prompt":"Hi","n_predict":NaN}',
    "a number beyond doubles": b'{"prompt":"Hi","n_predict":1,"temperature":1e999}',
    "a key twice": b'{"prompt":"Hi","n_predict":2,"n_predict":1,"temperature":0}',
    "deep nesting": b'{"prompt":' + b"[" * 500 + b"]" * 500 + b"}",
}

QUESTIONS = (
    *(raw("/completion", body, title) for title, body in BODIES.items()),
    *(
        raw(path, b"{", "half an object")
        for path in (
            "/v1/completions",
            "/v1/chat/completions",
            "/v1/messages",
            "/v1/responses",
            "/v1/embeddings",
            "/tokenize",
            "/detokenize",
            "/apply-template",
        )
    ),
    raw("/completion", GOOD, "as text", Content_Type="text/plain"),
    raw("/completion", GOOD, "as a form", Content_Type="application/x-www-form-urlencoded"),
    raw(
        "/completion", GOOD, "with a character set", Content_Type="application/json; charset=utf-8"
    ),
    raw("/completion?x=1", GOOD, "with a query"),
    raw("/completion/", GOOD, "with a slash"),
    raw("/COMPLETION", GOOD, "in capitals"),
    raw("//completion", GOOD, "with two slashes"),
    get("/completion"),
    get("/v1/chat/completions"),
    get("/nonsense"),
    get("/v1/nonsense"),
    raw("/nonsense", b"{}", "unknown"),
    raw("/health", b"{}", "posted"),
    raw("/v1/models", b"{}", "posted"),
    Question("PUT /completion", "PUT", "/completion", GOOD),
    Question("DELETE /v1/models", "DELETE", "/v1/models"),
    Question("PATCH /completion", "PATCH", "/completion", GOOD),
    Question("HEAD /health", "HEAD", "/health"),
    Question("HEAD /nonsense", "HEAD", "/nonsense"),
    Question("OPTIONS /completion", "OPTIONS", "/completion"),
    Question(
        "OPTIONS /completion from a page",
        "OPTIONS",
        "/completion",
        headers={"Origin": "http://example.org", "Access-Control-Request-Method": "POST"},
    ),
)
