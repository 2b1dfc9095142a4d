"""A conversation goes on: Anthropic's messages endpoint, and its count of tokens."""

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
from specs.api.answers import BUSY
from specs.api.generation import model_name, sampling_options

text_block = Object(
    "text_block",
    "A piece of text. The pieces of one text are joined without anything between them.",
    Field("type", Enum("text_block_type", "text"), "Only text is understood."),
    Field("text", String(), "The text."),
    Ignored("cache_control", "what was computed is kept without being told"),
    Unsupported("citations", "sources are not cited", allow=(None, [])),
)

block_content = Union(
    "block_content", "Text, or text in blocks.", text=String(), blocks=Array(text_block)
)

message_turn = Object(
    "message_turn",
    "One turn of the conversation.",
    Field("role", Enum("message_role", "user", "assistant"), "Who speaks."),
    Field("content", block_content, "What was said."),
)

thinking = Object(
    "thinking",
    "Whether to reason before the answer.",
    Field("type", Enum("thinking_type", "disabled"), "The model does not reason apart."),
)

message_tool_choice = Object(
    "message_tool_choice",
    "Which tool to call.",
    Field("type", Enum("message_tool_choice_type", "auto", "none"), "There are no tools."),
    Ignored("disable_parallel_tool_use", "tools are not called"),
)

_conversation = (
    model_name,
    Field(
        "messages",
        Array(message_turn, least=1),
        "The conversation so far, oldest turn first. If the last is the assistant's, the answer goes on with it.",
    ),
    Field("system", block_content, "What comes before.", required=False, nullable=True),
    Field("thinking", thinking, "May only be disabled.", required=False, nullable=True),
    Field("tool_choice", message_tool_choice, "Changes nothing.", required=False, nullable=True),
    Unsupported("tools", "tools are not called", allow=(None, [])),
    Unsupported("mcp_servers", "tools are not called", allow=(None, [])),
    Unsupported("container", "tools are not called"),
    Unsupported("context_management", "the conversation is taken as it is"),
    Unsupported("output_config", "answers are free text"),
    Unsupported("output_format", "answers are free text"),
)

message_request = Object(
    "message_request",
    "A conversation to continue.",
    *_conversation,
    Field("max_tokens", Integer(least=1), "Most tokens to generate."),
    Field(
        "stop_sequences",
        Array(String(least=1), most=16),
        "Texts before which the answer ends.",
        required=False,
        nullable=True,
    ),
    Field("stream", Boolean(), "Answer with server-sent events.", default=False, nullable=True),
    sampling_options,
    Ignored("metadata", "requests are not told apart by user"),
    Ignored("service_tier", "there is one tier"),
    Ignored("inference_geo", "there is one place"),
)

count_request = Object("message_count_request", "A conversation to measure.", *_conversation)

message_count = Object(
    "message_count",
    "Its size.",
    Field("input_tokens", Integer(), "Tokens of the conversation, template included."),
)

stop_reason = Enum("stop_reason", "end_turn", "max_tokens", "stop_sequence")

message_usage = Object(
    "message_usage",
    "Tokens that a request took.",
    Field("input_tokens", Integer(), "Tokens of the prompt that did not come from the cache."),
    Field("cache_creation_input_tokens", Literal(0), "What is kept is not counted apart."),
    Field("cache_read_input_tokens", Integer(), "Tokens of the prompt that did."),
    Field("output_tokens", Integer(), "Tokens generated."),
)

answered_block = Object(
    "answered_block",
    "What the model says.",
    Field("type", Literal("text"), "Always `text`."),
    Field("text", String(), "The text."),
)

assistant_message = Object(
    "assistant_message",
    "The model's turn.",
    Field("id", String(), "Name of the answer."),
    Field("type", Literal("message"), "Always `message`."),
    Field("role", Literal("assistant"), "Always `assistant`."),
    Field("model", String(), "The model that answers."),
    Field("content", Array(answered_block), "One block; none where a stream begins."),
    Field("stop_reason", stop_reason, "What ended it; null where a stream begins.", nullable=True),
    Field("stop_sequence", String(), "The text that did, if one did.", nullable=True),
    Field("usage", message_usage, "Token counts."),
)

message_start = Object(
    "message_start",
    "A stream begins.",
    Field("type", Literal("message_start"), "The event's name."),
    Field("message", assistant_message, "The answer, without content."),
)

content_block_start = Object(
    "content_block_start",
    "A block begins.",
    Field("type", Literal("content_block_start"), "The event's name."),
    Field("index", Literal(0), "There is one block."),
    Field("content_block", answered_block, "The block, without text."),
)

ping = Object("ping", "The stream is alive.", Field("type", Literal("ping"), "The event's name."))

text_delta = Object(
    "text_delta",
    "More text.",
    Field("type", Literal("text_delta"), "Always `text_delta`."),
    Field("text", String(), "The text."),
)

content_block_delta = Object(
    "content_block_delta",
    "More of a block.",
    Field("type", Literal("content_block_delta"), "The event's name."),
    Field("index", Literal(0), "There is one block."),
    Field("delta", text_delta, "What is added."),
)

content_block_stop = Object(
    "content_block_stop",
    "A block is over.",
    Field("type", Literal("content_block_stop"), "The event's name."),
    Field("index", Literal(0), "There is one block."),
)

message_ending = Object(
    "message_ending",
    "What ended the answer.",
    Field("stop_reason", stop_reason, "What ended it."),
    Field("stop_sequence", String(), "The text that did, if one did.", nullable=True),
)

message_delta = Object(
    "message_delta",
    "The answer's end is known.",
    Field("type", Literal("message_delta"), "The event's name."),
    Field("delta", message_ending, "What ended it."),
    Field("usage", message_usage, "Token counts."),
)

message_stop = Object(
    "message_stop",
    "The stream is over.",
    Field("type", Literal("message_stop"), "The event's name."),
)

api = Api(
    "messages",
    "Continue a conversation, as Anthropic's API does.",
    Route(
        "POST /v1/messages",
        "Answers the conversation's last turn.",
        handler="handle_create_message",
        request=message_request,
        response=assistant_message,
        stream=(
            message_start,
            content_block_start,
            ping,
            content_block_delta,
            content_block_stop,
            message_delta,
            message_stop,
        ),
        aliases=["/messages"],
        errors="anthropic",
        statuses=BUSY,
    ),
    Route(
        "POST /v1/messages/count_tokens",
        "Counts a conversation's tokens.",
        handler="handle_count_message_tokens",
        request=count_request,
        response=message_count,
        errors="anthropic",
    ),
)
