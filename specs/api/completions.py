"""Text goes on: OpenAI's completions endpoint. The prompt is used as it is, without a template."""

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import Array, Field, Integer, Literal, Object, String, Unsupported
from specs.api.generation import (
    answer_options,
    finish_reason,
    model_name,
    prompt,
    sampling_options,
    timings,
    usage,
)

completion_request = Object(
    "completion_request",
    "A text to continue.",
    model_name,
    Field("prompt", prompt, "The text; one choice is answered for each prompt."),
    Field("max_tokens", Integer(least=1), "Most tokens to generate.", default=16, nullable=True),
    sampling_options,
    answer_options,
    Unsupported("best_of", "one answer is generated per prompt", allow=(None, 1)),
    Unsupported("echo", "the prompt is not repeated", allow=(None, False)),
    Unsupported("logprobs", "log probabilities are not reported"),
    Unsupported("suffix", "text is not filled in between", allow=(None, "")),
)

completion_choice = Object(
    "completion_choice",
    "The continuation of one prompt, or a piece of it in a stream.",
    Field("text", String(), "What was generated."),
    Field("index", Integer(), "Which prompt, from 0."),
    Field("logprobs", Literal(None), "Not reported."),
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
    Field("choices", Array(completion_choice), "One for each prompt; none in the event of counts."),
    Field("usage", usage, "Token counts.", required=False, nullable=True),
    Field(
        "timings",
        timings,
        "Where the time went, all prompts together; in a stream's last event only.",
        required=False,
    ),
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
        statuses=[(404, "There is no such model."), (503, "Too many requests wait already.")],
    ),
)
