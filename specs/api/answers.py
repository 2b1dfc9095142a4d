"""What is told of an answer, and how: options that requests share, and what answers count.

Follows OpenAI's API reference; what it does not know is llama.cpp's (tools/server/README.md there).
"""

from cllm_gen.spec.schema import (
    Array,
    Boolean,
    Enum,
    Field,
    Group,
    Ignored,
    Integer,
    Literal,
    Map,
    Number,
    Object,
    String,
    Union,
    Unsupported,
)

PARALLEL_MOST = 128
"""Answers to one prompt, as OpenAI has it."""
LIKELIEST_MOST = 20
"""Likeliest tokens told beside each that was drawn, as OpenAI has it."""

BUSY = [
    (404, "There is no such model, where an appliance insists on its name."),
    (429, "Too many requests of this client wait already; Retry-After says how long to wait."),
    (503, "Too many requests wait already; Retry-After says how long to wait."),
]
"""Statuses of routes that ask the model."""

stop = Union(
    "stop",
    "Text before which the answer ends; the text itself is not part of it.",
    text=String(least=1),
    texts=Array(String(least=1), most=16),
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

response_format = Object(
    "response_format",
    "The form of the answer.",
    Field("type", Enum("response_format_type", "text"), "Only free text is generated."),
)

answers_wanted = Field(
    "n",
    Integer(least=1, most=PARALLEL_MOST),
    "How many answers to generate to each prompt; each has its own seed.",
    default=1,
    nullable=True,
)

_CONSTRAINED = "answers are free text"

answer_options = Group(
    "answer_options",
    "What ends an answer, and what is told of it.",
    Field("stop", stop, "Where to stop.", required=False, nullable=True),
    Field(
        "t_max_predict_ms",
        Integer(least=-1),
        "End the answer so many milliseconds after its first token, once it has a line break; 0 and -1: never.",
        default=0,
        nullable=True,
    ),
    Field(
        "cache_prompt",
        Boolean(),
        "Take keys and values of a known beginning from earlier requests; false computes them anew.",
        default=True,
        nullable=True,
    ),
    Field(
        "id_slot",
        Integer(least=-1),
        "The slot that is said to have answered. All slots have the same cache, so that any does; -1 leaves it open.",
        default=-1,
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
    Field(
        "timings_per_token",
        Boolean(),
        "Tell the timings in every event of a stream, and send one for each token.",
        default=False,
        nullable=True,
    ),
    Field(
        "return_progress",
        Boolean(),
        "Send events that tell how much of the prompt is computed; without `stream` it changes nothing.",
        default=False,
        nullable=True,
    ),
    Field(
        "return_tokens",
        Boolean(),
        "Tell the ids of the tokens that were drawn.",
        default=False,
        nullable=True,
    ),
    Field(
        "response_format",
        response_format,
        "Accepted so that clients may say `text`.",
        required=False,
        nullable=True,
    ),
    Unsupported("grammar", _CONSTRAINED, allow=(None, "")),
    Unsupported("json_schema", _CONSTRAINED),
    Unsupported("guided_json", _CONSTRAINED),
    Unsupported("guided_regex", _CONSTRAINED),
    Unsupported("guided_choice", _CONSTRAINED),
    Unsupported("guided_grammar", _CONSTRAINED),
    Unsupported("structured_outputs", _CONSTRAINED),
    Unsupported("lora", "there are no adapters", allow=(None, [])),
    Unsupported("n_keep", "a context that is full is not shifted", allow=(None, 0, -1)),
    Unsupported("n_discard", "a context that is full is not shifted", allow=(None, 0)),
    Unsupported("n_indent", "lines are not cut by their indentation", allow=(None, 0)),
    Unsupported("n_cache_reuse", "only beginnings are taken from the cache", allow=(None, 0)),
    Unsupported("sse_ping_interval", "the appliance sets how often a stream says that it waits"),
    Ignored("user", "requests are not told apart by user"),
    Ignored("safety_identifier", "requests are not told apart by user"),
    Ignored("metadata", "answers are not stored"),
    Ignored("store", "answers are not stored"),
    Ignored("service_tier", "there is one tier"),
    Ignored("prompt_cache_key", "caching does not change answers"),
    Ignored("prompt_cache_retention", "caching does not change answers"),
)

finish_reason = Enum("finish_reason", "stop", "length")

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

input_count = Object(
    "input_count",
    "The size of a conversation.",
    Field("object", Literal("response.input_tokens"), "Always `response.input_tokens`."),
    Field("input_tokens", Integer(), "Tokens of the conversation, template included."),
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
    Field(
        "draft_n",
        Integer(),
        "Tokens that were guessed, if any were, and verified together.",
        required=False,
    ),
    Field("draft_n_accepted", Integer(), "Of these, guessed right.", required=False),
)

prompt_progress = Object(
    "prompt_progress",
    "How much of a prompt is computed.",
    Field("total", Integer(), "Tokens of the prompt."),
    Field("cache", Integer(), "Of these, taken from the cache."),
    Field("processed", Integer(), "Taken from the cache or computed so far."),
    Field("time_ms", Integer(), "Milliseconds since its first step."),
)

_BYTES = Array(Integer(bits=32), made=True)

_likelihood = (
    Field("id", Integer(bits=32), "The token."),
    Field("token", String(), "Its text; bytes that are no whole characters become U+FFFD."),
    Field("bytes", _BYTES, "The bytes of its text."),
    Field(
        "logprob",
        Number(),
        "Natural logarithm of its probability, as the model has it.",
        required=False,
    ),
    Field(
        "prob",
        Number(),
        "Its probability after all samplers; in place of `logprob`, with `post_sampling_probs`.",
        required=False,
    ),
)

likely_token = Object("likely_token", "A token that could have been drawn.", *_likelihood)

token_chance = Object(
    "token_chance",
    "A token that was drawn, and its chances.",
    *_likelihood,
    Field(
        "top_logprobs", Array(likely_token, made=True), "The likeliest, in order.", required=False
    ),
    Field(
        "top_probs",
        Array(likely_token, made=True),
        "The likeliest, in order, with `post_sampling_probs`.",
        required=False,
    ),
)

logprobs = Object(
    "logprobs",
    "The chances of the tokens that were drawn.",
    Field("content", Array(token_chance, made=True), "One for each token."),
    Field("refusal", Literal(None), "Refusals are ordinary text."),
)

text_logprobs = Object(
    "text_logprobs",
    "The chances of the tokens that were drawn, as OpenAI's completions have them, and as llama.cpp has.",
    Field("tokens", Array(String(), made=True), "The tokens' texts."),
    Field("token_logprobs", Array(Number(), made=True), "Natural logarithms of probabilities."),
    Field(
        "top_logprobs",
        Array(Map(Number()), made=True),
        "For each token, the likeliest by their texts.",
        nullable=True,
    ),
    Field(
        "text_offset",
        Array(Integer(), made=True),
        "Where in `text` each token begins, in characters.",
    ),
    Field("content", Array(token_chance, made=True), "The same, one object for each token."),
)
