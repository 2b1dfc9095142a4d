"""A conversation goes on: OpenAI's responses endpoint, without what it keeps or calls."""

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import (
    Array,
    Boolean,
    Enum,
    Field,
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
from specs.api.answers import BUSY, LIKELIEST_MOST, input_count, token_chance
from specs.api.generation import model_name, sampling_options

input_part = Object(
    "input_part",
    "A piece of an item's text. The pieces of one item are joined without anything between them.",
    Field(
        "type",
        Enum("input_part_type", "input_text", "output_text", "text"),
        "Only text is understood.",
    ),
    Field("text", String(), "The text."),
    Ignored("annotations", "what answers have may come back"),
    Ignored("logprobs", "what answers have may come back"),
)

input_content = Union(
    "input_content", "Text, or text in parts.", text=String(), parts=Array(input_part)
)

input_item = Object(
    "input_item",
    "One turn of the conversation.",
    Field("type", Enum("input_item_type", "message"), "Only messages.", default="message"),
    Field(
        "role",
        Enum("input_role", "user", "assistant", "system", "developer"),
        "Who speaks; `developer` is another name for `system`.",
    ),
    Field("content", input_content, "What was said."),
    Ignored("id", "what answers have may come back"),
    Ignored("status", "what answers have may come back"),
    Ignored("phase", "turns are taken as they are"),
)

response_input = Union(
    "response_input",
    "What the user says, or the whole conversation, oldest turn first.",
    text=String(),
    items=Array(input_item, least=1),
)

response_text_format = Object(
    "response_text_format",
    "The form of the answer.",
    Field("type", Enum("response_text_format_type", "text"), "Only free text is generated."),
)

response_text_options = Object(
    "response_text_options",
    "What the text is like.",
    Field("format", response_text_format, "Its form.", required=False, nullable=True),
    Unsupported("verbosity", "the length of answers cannot be steered", allow=(None, "medium")),
)

reasoning_options = Object(
    "reasoning_options",
    "How to reason before the answer.",
    Unsupported("effort", "the model does not reason apart", allow=(None, "none")),
    Unsupported("summary", "the model does not reason apart"),
    Unsupported("generate_summary", "the model does not reason apart"),
)

included = Enum(
    "included",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
)

truncation = Enum("truncation", "disabled", "auto")

_conversation = (
    model_name,
    Field("input", response_input, "What to answer."),
    Field(
        "instructions",
        String(),
        "What comes before, as the system's turn.",
        required=False,
        nullable=True,
    ),
    Field(
        "truncation",
        truncation,
        "`auto` drops the oldest turns of a conversation that exceeds the context, but not the system's; "
        "`disabled` refuses it.",
        default="disabled",
        nullable=True,
    ),
    Field("text", response_text_options, "What the text is like.", required=False, nullable=True),
    Field("reasoning", reasoning_options, "How to reason before.", required=False, nullable=True),
    Unsupported(
        "previous_response_id", "answers are not stored; send the whole conversation as `input`"
    ),
    Unsupported("conversation", "conversations are not stored; send them as `input`"),
    Unsupported("prompt", "prompts are not stored; send them as `input`"),
    Unsupported("tools", "tools are not called", allow=(None, [])),
    Unsupported("tool_choice", "tools are not called", allow=(None, "none", "auto")),
    Ignored("parallel_tool_calls", "tools are not called"),
)

response_request = Object(
    "response_request",
    "A conversation to continue.",
    *_conversation,
    Field(
        "max_output_tokens",
        Integer(least=1),
        "Most tokens to generate; absent means as many as the context holds.",
        required=False,
        nullable=True,
    ),
    Field(
        "include",
        Array(included),
        "With `message.output_text.logprobs` the chances of the tokens are told; the others are about what does not "
        "occur.",
        required=False,
        nullable=True,
    ),
    Field(
        "top_logprobs",
        Integer(least=0, most=LIKELIEST_MOST),
        "Tell the chances of the tokens, and so many of the likeliest beside each.",
        required=False,
        nullable=True,
    ),
    Field("metadata", Map(String()), "Comes back.", required=False, nullable=True),
    Field("stream", Boolean(), "Answer with server-sent events.", default=False, nullable=True),
    sampling_options,
    Unsupported("background", "an answer is given at once", allow=(None, False)),
    Ignored("stream_options", "events are not padded"),
    Ignored("max_tool_calls", "tools are not called"),
    Ignored("store", "answers are not stored"),
    Ignored("user", "requests are not told apart by user"),
    Ignored("safety_identifier", "requests are not told apart by user"),
    Ignored("service_tier", "there is one tier"),
    Ignored("prompt_cache_key", "caching does not change answers"),
    Ignored("prompt_cache_retention", "caching does not change answers"),
)

input_count_request = Object("input_count_request", "A conversation to measure.", *_conversation)

output_text = Object(
    "output_text",
    "What the model says.",
    Field("type", Literal("output_text"), "Always `output_text`."),
    Field("text", String(), "The text."),
    Field("annotations", Array(String()), "None."),
    Field("logprobs", Array(token_chance, made=True), "If they were asked for, else none."),
)

item_status = Enum("item_status", "in_progress", "completed", "incomplete")

output_item = Object(
    "output_item",
    "The model's turn.",
    Field("id", String(), "Name of the turn."),
    Field("type", Literal("message"), "Always `message`."),
    Field("status", item_status, "Whether it is whole."),
    Field("role", Literal("assistant"), "Always `assistant`."),
    Field("content", Array(output_text), "One text; none where a stream begins."),
)

response_reason = Enum("response_reason", "max_output_tokens")

incomplete_details = Object(
    "incomplete_details", "Why it is not whole.", Field("reason", response_reason, "A limit.")
)

input_tokens_details = Object(
    "input_tokens_details",
    "What became of the prompt's tokens.",
    Field("cached_tokens", Integer(), "Those that came from the cache; part of `input_tokens`."),
)

output_tokens_details = Object(
    "output_tokens_details",
    "What the answer's tokens are.",
    Field("reasoning_tokens", Literal(0), "The model does not reason apart."),
)

response_usage = Object(
    "response_usage",
    "Tokens that a request took.",
    Field("input_tokens", Integer(), "Tokens of the prompt, template included."),
    Field("input_tokens_details", input_tokens_details, "More about them."),
    Field("output_tokens", Integer(), "Tokens generated."),
    Field("output_tokens_details", output_tokens_details, "More about them."),
    Field("total_tokens", Integer(), "Their sum."),
)

told_format = Object(
    "told_format", "The form of the answer.", Field("type", Literal("text"), "Free text.")
)

told_text = Object("told_text", "What the text is like.", Field("format", told_format, "Its form."))

told_reasoning = Object(
    "told_reasoning",
    "The model does not reason apart.",
    Field("effort", Literal(None), "None."),
    Field("summary", Literal(None), "None."),
)

response = Object(
    "response",
    "An answer.",
    Field("id", String(), "Name of the answer."),
    Field("object", Literal("response"), "Always `response`."),
    Field("created_at", Integer(), "Seconds since 1970-01-01 UTC."),
    Field("status", item_status, "Whether it is whole."),
    Field("background", Literal(False), "An answer is given at once."),
    Field("error", Literal(None), "An error is an answer of its own."),
    Field("incomplete_details", incomplete_details, "Why it is not whole.", nullable=True),
    Field("instructions", String(), "As asked.", nullable=True),
    Field("max_output_tokens", Integer(), "As asked.", nullable=True),
    Field("model", String(), "The model that answers."),
    Field("output", Array(output_item), "One turn; none where a stream begins."),
    Field("parallel_tool_calls", Literal(False), "Tools are not called."),
    Field("previous_response_id", Literal(None), "Answers are not stored."),
    Field("reasoning", told_reasoning, "None."),
    Field("store", Literal(False), "Answers are not stored."),
    Field("temperature", Number(), "As asked."),
    Field("text", told_text, "What the text is like."),
    Field("tool_choice", Literal("none"), "Tools are not called."),
    Field("tools", Array(String()), "None."),
    Field("top_logprobs", Integer(), "As asked."),
    Field("top_p", Number(), "As asked."),
    Field("truncation", truncation, "As asked."),
    Field("usage", response_usage, "Token counts; null until it is over.", nullable=True),
    Field("user", Literal(None), "Requests are not told apart by user."),
    Field("metadata", Map(String()), "As asked."),
    Field("system_fingerprint", String(), "Weights, kernels and image that answer."),
)


def _state(name: str, event: str, doc: str) -> Object:
    return Object(
        name,
        doc,
        Field("type", Literal(event), "The event's name."),
        Field("sequence_number", Integer(), "Counts the events of a stream."),
        Field("response", response, "The answer as it is."),
    )


response_created = _state("response_created", "response.created", "A stream begins.")
response_in_progress = _state(
    "response_in_progress", "response.in_progress", "The answer is being made."
)
response_completed = _state("response_completed", "response.completed", "The answer is whole.")
response_incomplete = _state(
    "response_incomplete", "response.incomplete", "The answer ended at a limit."
)


def _place(event: str) -> tuple[Field, ...]:
    return (
        Field("type", Literal(event), "The event's name."),
        Field("sequence_number", Integer(), "Counts the events of a stream."),
        Field("item_id", String(), "Name of the turn."),
        Field("output_index", Literal(0), "There is one turn."),
        Field("content_index", Literal(0), "There is one text."),
    )


def _item(name: str, event: str, doc: str) -> Object:
    return Object(
        name,
        doc,
        Field("type", Literal(event), "The event's name."),
        Field("sequence_number", Integer(), "Counts the events of a stream."),
        Field("output_index", Literal(0), "There is one turn."),
        Field("item", output_item, "The turn."),
    )


response_output_item_added = _item(
    "response_output_item_added", "response.output_item.added", "A turn begins."
)
response_output_item_done = _item(
    "response_output_item_done", "response.output_item.done", "A turn is over."
)

response_content_part_added = Object(
    "response_content_part_added",
    "A text begins.",
    *_place("response.content_part.added"),
    Field("part", output_text, "The text, empty."),
)

response_content_part_done = Object(
    "response_content_part_done",
    "A text is over.",
    *_place("response.content_part.done"),
    Field("part", output_text, "The text."),
)

response_output_text_delta = Object(
    "response_output_text_delta",
    "More text.",
    *_place("response.output_text.delta"),
    Field("delta", String(), "The text."),
    Field("logprobs", Array(token_chance, made=True), "If they were asked for, else none."),
)

response_output_text_done = Object(
    "response_output_text_done",
    "All of a text.",
    *_place("response.output_text.done"),
    Field("text", String(), "The text."),
    Field("logprobs", Array(token_chance, made=True), "If they were asked for, else none."),
)

api = Api(
    "responses",
    "Continue a conversation, as OpenAI's newer API does.",
    Route(
        "POST /v1/responses",
        "Answers the conversation's last turn.",
        handler="handle_create_response",
        request=response_request,
        response=response,
        stream=(
            response_created,
            response_in_progress,
            response_output_item_added,
            response_content_part_added,
            response_output_text_delta,
            response_output_text_done,
            response_content_part_done,
            response_output_item_done,
            response_completed,
            response_incomplete,
        ),
        aliases=["/responses"],
        statuses=BUSY,
    ),
    Route(
        "POST /v1/responses/input_tokens",
        "Counts a conversation's tokens.",
        handler="handle_count_input_tokens",
        request=input_count_request,
        response=input_count,
        aliases=["/responses/input_tokens"],
    ),
)
