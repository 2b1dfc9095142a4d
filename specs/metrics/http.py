"""Connections and requests."""

from cllm_gen.spec.metric import Counter, Gauge, Metrics

metrics = Metrics(
    "http",
    "Connections of clients, and their requests.",
    Gauge("connections_open", "Connections that are open."),
    Counter("connections_opened", "Connections that were accepted."),
    Counter(
        "connections_closed",
        "Connections that ended, by what ended them; one that made room for another counts as idle.",
        label="cause",
        values=[
            "client",
            "answered",
            "idle",
            "request_slow",
            "answer_unread",
            "stream_cut",
        ],
    ),
    Counter("requests", "Requests whose head or a part of it came."),
    Counter(
        "responses",
        "Responses, by class of status.",
        label="status",
        values=["2xx", "4xx", "5xx"],
    ),
    Counter("requests_left", "Requests whose clients left before the answer ended."),
    Counter(
        "requests_refused",
        "Requests that met no handler; those that met a limit are counted there.",
        label="cause",
        values=["malformed", "key", "origin", "path", "method", "body", "encoding"],
    ),
)
