"""A conversation goes on: OpenAI's chat completions endpoint. The messages are rendered with the
chat template that the model was trained with."""

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import (
    Array,
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
from specs.api.generation import (
    answer_options,
    finish_reason,
    model_name,
    sampling_options,
    timings,
    usage,
)

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
        "What was said; null or absent is the same as empty.",
        required=False,
        nullable=True,
    ),
    Unsupported("name", "the chat template has no place for speakers' names"),
    Unsupported("tool_calls", "tools are not called", allow=(None, [])),
    Unsupported("tool_call_id", "tools are not called"),
    Unsupported("function_call", "tools are not called"),
    Unsupported("audio", "only text is understood"),
    Unsupported("refusal", "refusals are ordinary text here"),
)

response_format = Object(
    "response_format",
    "The form of the answer.",
    Field("type", Enum("response_format_type", "text"), "Only free text is generated."),
)

chat_request = Object(
    "chat_request",
    "A conversation to continue.",
    model_name,
    Field(
        "messages", Array(request_message, least=1), "The conversation so far, oldest turn first."
    ),
    Field(
        "max_tokens",
        Integer(least=1),
        "Most tokens to generate; absent means as many as the context holds.",
        required=False,
        nullable=True,
    ),
    Field(
        "max_completion_tokens",
        Integer(least=1),
        "The newer name of `max_tokens`; goes before it if both are there.",
        required=False,
        nullable=True,
    ),
    sampling_options,
    answer_options,
    Field(
        "response_format",
        response_format,
        "Accepted so that clients may say `text`.",
        required=False,
        nullable=True,
    ),
    Field(
        "modalities",
        Array(Enum("modality", "text"), least=1),
        "Accepted so that clients may say `text`.",
        required=False,
        nullable=True,
    ),
    Unsupported("logprobs", "log probabilities are not reported", allow=(None, False)),
    Unsupported("top_logprobs", "log probabilities are not reported", allow=(None, 0)),
    Unsupported("tools", "tools are not called", allow=(None, [])),
    Unsupported("tool_choice", "tools are not called", allow=(None, "none", "auto")),
    Unsupported("functions", "tools are not called", allow=(None, [])),
    Unsupported("function_call", "tools are not called", allow=(None, "none", "auto")),
    Unsupported("audio", "only text is generated"),
    Unsupported("reasoning_effort", "the model does not reason apart", allow=(None, "none")),
    Unsupported("verbosity", "the length of answers cannot be steered", allow=(None, "medium")),
    Unsupported("web_search_options", "the appliance does not search the web"),
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
    Field("index", Integer(), "Always 0."),
    Field("message", chat_answer, "The model's turn."),
    Field("logprobs", Literal(None), "Not reported."),
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
    Field("choices", Array(chat_choice), "One answer."),
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
    Field("index", Integer(), "Always 0."),
    Field("delta", chat_delta, "What is added."),
    Field("logprobs", Literal(None), "Not reported."),
    Field("finish_reason", finish_reason, "null until the last piece.", nullable=True),
)

chat_chunk = Object(
    "chat_chunk",
    "One event of a stream.",
    Field("id", String(), "Name of the answer, the same in all events of a stream."),
    Field("object", Literal("chat.completion.chunk"), "Always `chat.completion.chunk`."),
    Field("created", Integer(), "Seconds since 1970-01-01 UTC."),
    Field("model", String(), "The model that answers."),
    Field("choices", Array(chat_chunk_choice), "One piece; none in the event of counts."),
    Field(
        "usage",
        usage,
        "Token counts, null but in the event of counts.",
        required=False,
        nullable=True,
    ),
    Field("timings", timings, "Where the time went; in the last event only.", required=False),
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
        statuses=[(404, "There is no such model."), (503, "Too many requests wait already.")],
    ),
)
