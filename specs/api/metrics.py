"""What the appliance counts and measures, for Prometheus and for routers that choose between servers."""

from cllm_gen.spec.api import Api, Route, Text

api = Api(
    "metrics",
    "Counters, gauges and histograms.",
    Route(
        "GET /metrics",
        "All metrics, in Prometheus' text format.",
        handler="handle_metrics",
        quiet=True,
        response=Text("text/plain; version=0.0.4; charset=utf-8", "metric families."),
    ),
)
