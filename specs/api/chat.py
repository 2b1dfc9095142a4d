"""A conversation goes on: OpenAI's chat completions endpoint. The messages are rendered with the
chat template that the model was trained with."""

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import (
    Array,
    Boolean,
    Enum,
    Field,
    Ignored,
    Integer,
    Literal,
    Object,
    String,
    Union,
    Unsupported,
)
from specs.api.answers import (
    BUSY,
    LIKELIEST_MOST,
    answer_options,
    answers_wanted,
    finish_reason,
    input_count,
    logprobs,
    prompt_progress,
    timings,
    usage,
)
from specs.api.generation import model_name, sampling_options

content_part = Object(
    "content_part",
    "A piece of a message. The pieces of one message are joined without anything between them.",
    Field("type", Enum("content_part_type", "text"), "Only text is understood."),
    Field("text", String(), "The text."),
)

message_content = Union(
    "message_content",
    "Text, or text in parts.",
    text=String(),
    parts=Array(content_part, least=1),
)

request_message = Object(
    "request_message",
    "One turn of the conversation.",
    Field(
        "role",
        Enum("chat_role", "system", "developer", "user", "assistant"),
        "Who speaks; `developer` is another name for `system`.",
    ),
    Field(
        "content",
        message_content,
        "What was said; null is the same as empty.",
        nullable=True,
    ),
    Unsupported("name", "the chat template has no place for speakers' names"),
    Unsupported("tool_calls", "tools are not called", allow=(None, [])),
    Unsupported("tool_call_id", "tools are not called"),
    Unsupported("function_call", "tools are not called"),
    Unsupported("audio", "only text is understood"),
    Unsupported("refusal", "refusals are ordinary text here"),
)

prediction_length = (
    Field(
        "max_tokens",
        Integer(least=-1),
        "Most tokens to generate; -1 or absent means as many as the context holds.",
        required=False,
        nullable=True,
    ),
    Field(
        "max_completion_tokens",
        Integer(least=-1),
        "The newer name of `max_tokens`; goes before it if both are there.",
        required=False,
        nullable=True,
    ),
    Field(
        "n_predict",
        Integer(least=-1),
        "llama.cpp's name of `max_tokens`; the last that counts if several are there.",
        required=False,
        nullable=True,
    ),
)

chat_request = Object(
    "chat_request",
    "A conversation to continue.",
    model_name,
    Field(
        "messages", Array(request_message, least=1), "The conversation so far, oldest turn first."
    ),
    *prediction_length,
    Field(
        "add_generation_prompt",
        Boolean(),
        "Let the template end where a turn of the assistant's begins; absent means true.",
        required=False,
        nullable=True,
    ),
    Field(
        "continue_final_message",
        Boolean(),
        "Go on with the last message, which is the assistant's, instead of beginning a turn. Absent means so if the "
        "last message is the assistant's and `add_generation_prompt` is absent or true.",
        required=False,
        nullable=True,
    ),
    answers_wanted,
    Field(
        "logprobs",
        Boolean(),
        "Tell the chances of the tokens that are drawn.",
        default=False,
        nullable=True,
    ),
    Field(
        "top_logprobs",
        Integer(least=0, most=LIKELIEST_MOST),
        "So many of the likeliest beside each; needs `logprobs`.",
        default=0,
        nullable=True,
    ),
    sampling_options,
    answer_options,
    Field(
        "modalities",
        Array(Enum("modality", "text"), least=1),
        "Accepted so that clients may say `text`.",
        required=False,
        nullable=True,
    ),
    Unsupported("tools", "tools are not called", allow=(None, [])),
    Unsupported("tool_choice", "tools are not called", allow=(None, "none", "auto")),
    Unsupported("functions", "tools are not called", allow=(None, [])),
    Unsupported("function_call", "tools are not called", allow=(None, "none", "auto")),
    Unsupported("audio", "only text is generated"),
    Unsupported("reasoning_effort", "the model does not reason apart", allow=(None, "none")),
    Unsupported("verbosity", "the length of answers cannot be steered", allow=(None, "medium")),
    Unsupported("web_search_options", "the appliance does not search the web"),
    Unsupported("chat_template", "the model's own template is compiled in"),
    Unsupported("chat_template_kwargs", "the model's template takes none", allow=(None, {})),
    Unsupported(
        "reasoning_format", "the model does not reason apart", allow=(None, "none", "auto")
    ),
    Unsupported("enable_thinking", "the model does not reason apart", allow=(None, False)),
    Ignored("parallel_tool_calls", "tools are not called"),
    Ignored("prediction", "a predicted answer changes speed, not the answer"),
)

chat_answer = Object(
    "chat_answer",
    "The model's turn.",
    Field("role", Literal("assistant"), "Always `assistant`."),
    Field("content", String(), "What the model says."),
    Field("refusal", Literal(None), "Refusals are ordinary text."),
)

chat_choice = Object(
    "chat_choice",
    "One answer.",
    Field("index", Integer(), "Which answer, from 0."),
    Field("message", chat_answer, "The model's turn."),
    Field("logprobs", logprobs, "If `logprobs` asked for them, else null.", nullable=True),
    Field("tokens", Array(Integer(bits=32), made=True), "With `return_tokens`.", required=False),
    Field(
        "finish_reason",
        finish_reason,
        "`stop`: the model or a stop text ended the turn. `length`: a limit did.",
    ),
)

chat_completion = Object(
    "chat_completion",
    "A whole answer.",
    Field("id", String(), "Name of the answer."),
    Field("object", Literal("chat.completion"), "Always `chat.completion`."),
    Field("created", Integer(), "Seconds since 1970-01-01 UTC."),
    Field("model", String(), "The model that answered."),
    Field("system_fingerprint", String(), "Weights, kernels and image that answered."),
    Field("choices", Array(chat_choice), "As many as `n` asked for."),
    Field("usage", usage, "Token counts."),
    Field("timings", timings, "Where the time went."),
)

chat_delta = Object(
    "chat_delta",
    "What an event adds to the turn.",
    Field("role", Enum("chat_delta_role", "assistant"), "In the first event only.", required=False),
    Field("content", String(), "More text.", required=False),
)

chat_chunk_choice = Object(
    "chat_chunk_choice",
    "A piece of the answer.",
    Field("index", Integer(), "Which answer, from 0."),
    Field("delta", chat_delta, "What is added."),
    Field("logprobs", logprobs, "If `logprobs` asked for them, else null.", nullable=True),
    Field("tokens", Array(Integer(bits=32), made=True), "With `return_tokens`.", required=False),
    Field("finish_reason", finish_reason, "null until the last piece.", nullable=True),
)

chat_chunk = Object(
    "chat_chunk",
    "One event of a stream.",
    Field("id", String(), "Name of the answer, the same in all events of a stream."),
    Field("object", Literal("chat.completion.chunk"), "Always `chat.completion.chunk`."),
    Field("created", Integer(), "Seconds since 1970-01-01 UTC."),
    Field("model", String(), "The model that answers."),
    Field("system_fingerprint", String(), "Weights, kernels and image that answer."),
    Field("choices", Array(chat_chunk_choice), "One piece; none in the event of counts."),
    Field(
        "usage",
        usage,
        "Token counts, null but in the event of counts.",
        required=False,
        nullable=True,
    ),
    Field(
        "timings",
        timings,
        "Where the time went; in the last event, and with `timings_per_token` in all.",
        required=False,
    ),
    Field("prompt_progress", prompt_progress, "With `return_progress`.", required=False),
)

apply_template_request = Object(
    "apply_template_request",
    "A conversation to render.",
    Field("messages", Array(request_message, least=1), "The conversation, oldest turn first."),
    Field(
        "add_generation_prompt", Boolean(), "As in a chat request.", required=False, nullable=True
    ),
    Field(
        "continue_final_message", Boolean(), "As in a chat request.", required=False, nullable=True
    ),
    Unsupported("tools", "tools are not called", allow=(None, [])),
    Unsupported("chat_template", "the model's own template is compiled in"),
    Unsupported("chat_template_kwargs", "the model's template takes none", allow=(None, {})),
    Ignored("model", "there is one template"),
)

applied_template = Object(
    "applied_template",
    "What the model would read.",
    Field("prompt", String(), "The conversation as the model's template has it."),
)

api = Api(
    "chat",
    "Continue a conversation.",
    Route(
        "POST /v1/chat/completions",
        "Answers the conversation's last turn.",
        handler="handle_create_chat_completion",
        request=chat_request,
        response=chat_completion,
        stream=chat_chunk,
        aliases=["/chat/completions"],
        statuses=BUSY,
    ),
    Route(
        "POST /v1/chat/completions/input_tokens",
        "Counts a conversation's tokens, as llama.cpp's server does.",
        handler="handle_count_chat_tokens",
        request=apply_template_request,
        response=input_count,
        aliases=["/chat/completions/input_tokens"],
    ),
    Route(
        "POST /apply-template",
        "Renders a conversation with the model's chat template.",
        handler="handle_apply_template",
        request=apply_template_request,
        response=applied_template,
    ),
)
