"""Text goes on: OpenAI's completions endpoint. The prompt is used as it is, without a template."""

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import (
    Array,
    Boolean,
    Field,
    Integer,
    Literal,
    Object,
    String,
    Unsupported,
)
from specs.api.answers import (
    BUSY,
    LIKELIEST_MOST,
    PARALLEL_MOST,
    answer_options,
    answers_wanted,
    finish_reason,
    prompt_progress,
    text_logprobs,
    timings,
    usage,
)
from specs.api.generation import model_name, prompt, sampling_options

completion_request = Object(
    "completion_request",
    "A text to continue.",
    model_name,
    Field("prompt", prompt, "The text; `n` choices are answered for each prompt."),
    Field(
        "max_tokens",
        Integer(least=-1),
        "Most tokens to generate; 0 only computes the prompt, -1 means as many as the context holds.",
        default=16,
        nullable=True,
    ),
    Field(
        "n_predict",
        Integer(least=-1),
        "llama.cpp's name of `max_tokens`; goes before it if both are there.",
        required=False,
        nullable=True,
    ),
    answers_wanted,
    Field(
        "best_of",
        Integer(least=1, most=PARALLEL_MOST),
        "Generate so many and tell the `n` whose tokens are likeliest on the average; not in a stream.",
        required=False,
        nullable=True,
    ),
    Field(
        "echo",
        Boolean(),
        "Let each text begin with its prompt; not with `logprobs`.",
        default=False,
        nullable=True,
    ),
    Field(
        "logprobs",
        Integer(least=0, most=LIKELIEST_MOST),
        "Tell the chances of the tokens that are drawn, and so many of the likeliest beside each.",
        required=False,
        nullable=True,
    ),
    sampling_options,
    answer_options,
    Unsupported("suffix", "text is not filled in between", allow=(None, "")),
)

completion_choice = Object(
    "completion_choice",
    "A continuation of one prompt, or a piece of it in a stream.",
    Field("text", String(), "What was generated."),
    Field(
        "index", Integer(), "Which, from 0: the first prompt's `n`, then the second's, and so on."
    ),
    Field("logprobs", text_logprobs, "If `logprobs` asked for them, else null.", nullable=True),
    Field("tokens", Array(Integer(bits=32), made=True), "With `return_tokens`.", required=False),
    Field(
        "finish_reason",
        finish_reason,
        "`stop`: the model or a stop text ended it. `length`: a limit did. null: more follows.",
        nullable=True,
    ),
)

completion = Object(
    "completion",
    "A whole answer, or one event of a stream.",
    Field("id", String(), "Name of the answer, the same in all events of a stream."),
    Field("object", Literal("text_completion"), "Always `text_completion`."),
    Field("created", Integer(), "Seconds since 1970-01-01 UTC."),
    Field("model", String(), "The model that answered."),
    Field("system_fingerprint", String(), "Weights, kernels and image that answered."),
    Field("choices", Array(completion_choice), "The texts; none in the event of counts."),
    Field("usage", usage, "Token counts.", required=False, nullable=True),
    Field(
        "timings",
        timings,
        "Where the time went, all choices together; of a stream in the last event, and with `timings_per_token` "
        "in all.",
        required=False,
    ),
    Field("prompt_progress", prompt_progress, "With `return_progress`.", required=False),
)

api = Api(
    "completions",
    "Continue a text.",
    Route(
        "POST /v1/completions",
        "Continues the prompt.",
        handler="handle_create_completion",
        request=completion_request,
        response=completion,
        stream=completion,
        statuses=BUSY,
    ),
)
