"""What every request that generates text has in common, and what its answer counts.

Follows OpenAI's API reference; `top_k` and `min_p` are the extensions that llama.cpp and vLLM share,
`cache_prompt` and `timings` are llama.cpp's (tools/server/README.md there).
"""

from cllm_gen.spec.schema import (
    Array,
    Boolean,
    Enum,
    Field,
    Group,
    Ignored,
    Integer,
    Number,
    Object,
    String,
    Union,
    Unsupported,
)

prompt = Union(
    "prompt",
    "Text, texts, tokens or lists of tokens; each text or list of tokens is one prompt.",
    text=String(),
    texts=Array(String(), least=1),
    tokens=Array(Integer(least=0), least=1),
    token_lists=Array(Array(Integer(least=0), least=1), least=1),
)

stop = Union(
    "stop",
    "Text before which the answer ends; the text itself is not part of it.",
    text=String(least=1),
    texts=Array(String(least=1), most=4),
)

stream_options = Object(
    "stream_options",
    "What a stream carries besides text.",
    Field(
        "include_usage",
        Boolean(),
        "Send the token counts in one more event before the end.",
        default=False,
        nullable=True,
    ),
    Ignored("include_obfuscation", "events are not padded"),
)

finish_reason = Enum("finish_reason", "stop", "length")

model_name = Field(
    "model",
    String(least=1),
    "Name of the served model (see GET /v1/models); absent means the served one.",
    required=False,
    nullable=True,
)

sampling_options = Group(
    "sampling_options",
    "How the next token is drawn.",
    Field(
        "temperature",
        Number(least=0, most=2),
        "Divides the logits; 0 takes the likeliest token always.",
        default=1.0,
        nullable=True,
    ),
    Field(
        "top_p",
        Number(least=0, most=1),
        "Draw from the likeliest tokens whose probabilities sum to this.",
        default=1.0,
        nullable=True,
    ),
    Field(
        "top_k",
        Integer(least=0),
        "Draw from this many of the likeliest tokens; 0 means all.",
        default=0,
        nullable=True,
    ),
    Field(
        "min_p",
        Number(least=0, most=1),
        "Draw from tokens at least this probable relative to the likeliest.",
        default=0.0,
        nullable=True,
    ),
    Field(
        "seed",
        Integer(),
        "Start of the random numbers: the same request with the same seed gives the same text.",
        required=False,
        nullable=True,
    ),
    Unsupported("logit_bias", "logits are not adjusted", allow=(None, {})),
    Unsupported("presence_penalty", "repetition is not penalised", allow=(None, 0)),
    Unsupported("frequency_penalty", "repetition is not penalised", allow=(None, 0)),
)

answer_options = Group(
    "answer_options",
    "What is told of an answer, and how.",
    Field("stop", stop, "Where to stop.", required=False, nullable=True),
    Field(
        "cache_prompt",
        Boolean(),
        "Take keys and values of a known beginning from earlier requests; false computes them anew.",
        default=True,
        nullable=True,
    ),
    Field("stream", Boolean(), "Answer with server-sent events.", default=False, nullable=True),
    Field(
        "stream_options",
        stream_options,
        "What the stream carries besides text; without `stream` it changes nothing.",
        required=False,
        nullable=True,
    ),
    Unsupported("n", "one answer is generated per prompt", allow=(None, 1)),
    Ignored("user", "requests are not told apart by user"),
    Ignored("safety_identifier", "requests are not told apart by user"),
    Ignored("metadata", "answers are not stored"),
    Ignored("store", "answers are not stored"),
    Ignored("service_tier", "there is one tier"),
    Ignored("prompt_cache_key", "caching does not change answers"),
    Ignored("prompt_cache_retention", "caching does not change answers"),
)

prompt_tokens_details = Object(
    "prompt_tokens_details",
    "What became of the prompt's tokens.",
    Field(
        "cached_tokens",
        Integer(),
        "Tokens whose keys and values came from earlier requests; part of `prompt_tokens`.",
    ),
)

usage = Object(
    "usage",
    "Tokens that a request took.",
    Field("prompt_tokens", Integer(), "Tokens of the prompt, template included."),
    Field("completion_tokens", Integer(), "Tokens generated."),
    Field("total_tokens", Integer(), "Their sum."),
    Field("prompt_tokens_details", prompt_tokens_details, "More about the prompt."),
)

timings = Object(
    "timings",
    "Where a request's time went; waiting for other requests is not counted. The first token comes out "
    "of the prompt's last step, so rates of prediction are those of the tokens after it. Milliseconds "
    "have three decimals; what cannot be told of so few tokens is 0.",
    Field("cache_n", Integer(), "Tokens of the prompt that came from the cache."),
    Field("prompt_n", Integer(), "Tokens of the prompt that were computed."),
    Field("prompt_ms", Number(), "Time until the first token."),
    Field("prompt_per_token_ms", Number(), "Of that, for each token computed."),
    Field("prompt_per_second", Number(), "Tokens of the prompt computed in a second."),
    Field("predicted_n", Integer(), "Tokens generated."),
    Field("predicted_ms", Number(), "Time from the first token to the last."),
    Field("predicted_per_token_ms", Number(), "Of that, for each token after the first."),
    Field("predicted_per_second", Number(), "Tokens after the first, in a second."),
)
