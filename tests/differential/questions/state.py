"""What is served, and what it does."""

from tests.differential.question import Question, get, post

LONG = post(
    "/completion", {"prompt": "Once", "n_predict": 400, "ignore_eos": True, "stream": True}, "long"
)

QUESTIONS = (
    get("/health"),
    get("/v1/health"),
    get("/v1/models"),
    get("/models"),
    get("/v1/models/SmolLM2-135M-Instruct"),
    get("/v1/models/nonsense"),
    get("/props"),
    get("/slots"),
    Question("GET /slots while one is busy", "GET", "/slots", beside=LONG),
    get("/metrics"),
    get("/lora-adapters"),
    post("/lora-adapters", []),
    post("/responses/input_tokens", {"input": "Hi"}),
    post("/props", {}),
    post("/slots/0?action=erase", {}),
    post("/rerank", {"query": "x", "documents": ["y"]}),
    post("/v1/rerank", {"query": "x", "documents": ["y"]}),
    post("/infill", {"input_prefix": "x", "input_suffix": "y"}),
    post("/v1/audio/transcriptions", {}),
    get("/tools"),
    get("/cors-proxy"),
)
