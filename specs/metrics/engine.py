"""What the model does. Names are those of llama.cpp's server and of vLLM, which dashboards and routers
know; what both count has both names."""

from cllm_gen.spec.metric import Counter, Gauge, Histogram, Metrics, Ratio

UP_TO_MINUTES = [
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
    30,
    60,
    300,
]
TOKENS_APART = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10]

metrics = Metrics(
    "engine",
    "Requests to the model, and what it computed for them.",
    Counter(
        "prompt_tokens",
        "Tokens of prompts, those that were in the cache too.",
        names=["vllm:prompt_tokens_total"],
    ),
    Counter(
        "prompt_tokens_computed",
        "Tokens of prompts that were computed.",
        names=["llamacpp:prompt_tokens_total"],
    ),
    Counter(
        "prompt_tokens_cached",
        "Tokens of prompts whose keys and values were in the cache.",
        names=["llamacpp:prompt_tokens_cached_total", "vllm:prompt_tokens_cached_total"],
    ),
    Counter(
        "prompt_time",
        "Time in which prompts were computed.",
        names=["llamacpp:prompt_seconds_total"],
        measured="seconds",
    ),
    Counter(
        "answer_tokens",
        "Tokens that were drawn.",
        names=["llamacpp:tokens_predicted_total", "vllm:generation_tokens_total"],
    ),
    Counter(
        "answer_time",
        "Time in which answers were computed.",
        names=["llamacpp:tokens_predicted_seconds_total"],
        measured="seconds",
    ),
    Ratio(
        "prompt_speed",
        "Tokens of prompts computed in a second, since the start.",
        names=["llamacpp:prompt_tokens_seconds"],
        part="prompt_tokens_computed",
        whole="prompt_time",
    ),
    Ratio(
        "answer_speed",
        "Tokens drawn in a second, since the start.",
        names=["llamacpp:predicted_tokens_seconds"],
        part="answer_tokens",
        whole="answer_time",
    ),
    Counter("steps", "Passes through the model.", names=["llamacpp:n_decode_total"]),
    Counter("step_rows", "Rows that passes through the model had."),
    Counter("step_sequences", "Sequences that passes through the model worked on."),
    Ratio(
        "sequences_a_step",
        "Sequences in a pass through the model, since the start.",
        names=["llamacpp:n_busy_slots_per_decode"],
        part="step_sequences",
        whole="steps",
    ),
    Gauge(
        "sequence_tokens_most",
        "Tokens of the longest sequence so far.",
        names=["llamacpp:n_tokens_max"],
    ),
    Gauge(
        "requests_running",
        "Requests that the model works on.",
        names=["llamacpp:requests_processing", "vllm:num_requests_running"],
    ),
    Gauge(
        "requests_waiting",
        "Requests that wait for a place in the model.",
        names=["llamacpp:requests_deferred", "vllm:num_requests_waiting"],
    ),
    Counter(
        "requests_ended",
        "Requests to the model that ended.",
        names=["vllm:request_success_total"],
        label="finished_reason",
        values=["stop", "length", "abort", "error"],
    ),
    Counter(
        "preemptions",
        "Sequences that gave their blocks back, to be computed again.",
        names=["vllm:num_preemptions_total"],
    ),
    Counter(
        "drafts",
        "Guesses that were verified.",
        names=["llamacpp:spec_decode_num_drafts_total", "vllm:spec_decode_num_drafts_total"],
    ),
    Counter(
        "draft_tokens",
        "Tokens that were guessed.",
        names=[
            "llamacpp:spec_decode_num_draft_tokens_total",
            "vllm:spec_decode_num_draft_tokens_total",
        ],
    ),
    Counter(
        "draft_tokens_accepted",
        "Guessed tokens that were right.",
        names=[
            "llamacpp:spec_decode_num_accepted_tokens_total",
            "vllm:spec_decode_num_accepted_tokens_total",
        ],
    ),
    Histogram(
        "time_to_first_token",
        "From a request's arrival to its first token.",
        names=["vllm:time_to_first_token_seconds"],
        bounds=UP_TO_MINUTES,
    ),
    Histogram(
        "time_between_tokens",
        "From one token of a request to the next.",
        names=["vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"],
        bounds=TOKENS_APART,
    ),
    Histogram(
        "request_time",
        "From a request's arrival to its end.",
        names=["vllm:e2e_request_latency_seconds"],
        bounds=UP_TO_MINUTES,
    ),
    Histogram(
        "queue_time",
        "From a request's arrival to its first step.",
        names=["vllm:request_queue_time_seconds"],
        bounds=UP_TO_MINUTES,
    ),
)
