"""The run itself."""

from cllm_gen.spec.metric import Counter, Gauge, Histogram, Info, Metrics

metrics = Metrics(
    "process",
    "The run itself.",
    Gauge(
        "start_time",
        "When the run began, in seconds since 1970-01-01 UTC.",
        names=["process_start_time_seconds"],
        measured="seconds",
    ),
    Info(
        "image",
        "Which image runs: a digest of all that is linked.",
        names=["cllm_image_info"],
        texts=["identity"],
    ),
    Gauge("uptime", "Time since the run began.", measured="seconds"),
    Gauge("processors", "CPUs that work."),
    Counter("idle_time", "Time in which the main loop slept.", measured="seconds"),
    Histogram(
        "loop_pause",
        "From one look at the network to the next, while the engine worked.",
        bounds=[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1],
    ),
)
