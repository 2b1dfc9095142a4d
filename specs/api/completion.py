"""Text goes on: the completion endpoint of llama.cpp's server (tools/server/README.md there)."""

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import (
    Array,
    Boolean,
    Enum,
    Field,
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
    PARALLEL_MOST,
    answer_options,
    prompt_progress,
    timings,
    token_chance,
)
from specs.api.generation import model_name, sampling_options

PROMPT_TOKENS_MOST = 1 << 17
"""More than any context; a prompt that is longer is refused before it is read to its end."""

prompt_object = Object(
    "prompt_object",
    "A text that may have media.",
    Field("prompt_string", String(), "The text."),
    Unsupported("multimodal_data", "only text is understood", allow=(None, [])),
)

prompt_piece = Union("prompt_piece", "Text or a token.", text=String(), token=Integer(least=0))

prompt_item = Union(
    "prompt_item",
    "A prompt, or a piece of one.",
    text=String(),
    token=Integer(least=0),
    pieces=Array(prompt_piece, least=1, most=PROMPT_TOKENS_MOST),
    object=prompt_object,
)

native_prompt = Union(
    "native_prompt",
    "One prompt: text, an object with a text, or an array of tokens, among them text where it likes. Or an array "
    "of such prompts, none of which is a bare token.",
    text=String(),
    items=Array(prompt_item, least=1, most=PROMPT_TOKENS_MOST),
    object=prompt_object,
)

native_request = Object(
    "native_request",
    "A text to continue.",
    model_name,
    Field("prompt", native_prompt, "The text, or several."),
    Field(
        "n_predict",
        Integer(least=-1),
        "Most tokens to generate; 0 only computes the prompt, -1 means as many as the context holds.",
        required=False,
        nullable=True,
    ),
    Field(
        "max_tokens",
        Integer(least=-1),
        "Another name of `n_predict`, which goes before it.",
        required=False,
        nullable=True,
    ),
    Field(
        "n_cmpl",
        Integer(least=1, most=PARALLEL_MOST),
        "How many answers to generate to each prompt; each has its own seed.",
        default=1,
        nullable=True,
    ),
    Field(
        "n",
        Integer(least=1, most=PARALLEL_MOST),
        "Another name of `n_cmpl`, which goes before it.",
        default=1,
        nullable=True,
    ),
    Field(
        "n_probs",
        Integer(least=0, most=LIKELIEST_MOST),
        "Tell so many of the likeliest tokens for each that is drawn; 0: none, nor its own chance.",
        default=0,
        nullable=True,
    ),
    Field(
        "post_sampling_probs",
        Boolean(),
        "Let `n_probs` tell probabilities after all samplers.",
        default=False,
        nullable=True,
    ),
    Field(
        "response_fields",
        Array(String(least=1), most=64),
        "Answer with these fields only, if there are any; `a/b` is the field b of a. Of a stream, in the last event.",
        required=False,
        nullable=True,
    ),
    sampling_options.with_defaults(temperature=0.8, top_k=40, top_p=0.95, min_p=0.05),
    answer_options,
)

stop_type = Enum("stop_type", "none", "eos", "limit", "word")

generation_settings = Object(
    "generation_settings",
    "What was asked for, defaults included.",
    Field("n_predict", Integer(), "Most tokens to generate; -1: as many as the context holds."),
    Field("max_tokens", Integer(), "The same."),
    Field("n_keep", Literal(0), "A context that is full is not shifted."),
    Field("n_discard", Literal(0), "A context that is full is not shifted."),
    Field("stop", Array(String()), "Texts that end the answer."),
    Field("stream", Boolean(), "As asked."),
    Field("n_probs", Integer(), "As asked."),
    Field("post_sampling_probs", Boolean(), "As asked."),
    Field("timings_per_token", Boolean(), "As asked."),
    Field("grammar", Literal(""), "Answers are free text."),
    Field("grammar_lazy", Literal(False), "Answers are free text."),
    Field("grammar_triggers", Array(String()), "None."),
    Field("preserved_tokens", Array(String()), "None."),
    Field("chat_format", Literal("Content-only"), "An answer is its text."),
    Field("reasoning_format", Literal("none"), "The model does not reason apart."),
    Field("reasoning_in_content", Literal(False), "The model does not reason apart."),
    Field("generation_prompt", Literal(""), "The prompt is used as it is."),
    Field("lora", Array(String()), "There are no adapters."),
    sampling_options,
)

_counted = (
    Field("id_slot", Integer(), "The slot that was asked for, or -1."),
    Field("tokens_predicted", Integer(), "Tokens generated."),
    Field("tokens_evaluated", Integer(), "Tokens of the prompt."),
)

native_answer = Object(
    "native_answer",
    "A whole answer, and the last event of a stream.",
    Field("index", Integer(), "Which, from 0."),
    Field("content", String(), "What was generated; empty in a stream's last event."),
    Field(
        "tokens",
        Array(Integer(bits=32), made=True),
        "Ids, if `return_tokens` asked for them, else none.",
    ),
    Field("stop", Literal(True), "The answer is over."),
    Field("model", String(), "The model that answered."),
    Field("system_fingerprint", String(), "Weights, kernels and image that answered."),
    *_counted,
    Field("generation_settings", generation_settings, "What was asked for."),
    Field("prompt", String(), "The prompt as text."),
    Field("has_new_line", Boolean(), "The answer has a line break."),
    Field("truncated", Literal(False), "A prompt that does not fit is refused, never cut."),
    Field("stop_type", stop_type, "What ended it."),
    Field("stopping_word", String(), "The text that did, if `stop_type` is `word`."),
    Field("tokens_cached", Integer(), "Tokens of the prompt that came from the cache."),
    Field("timings", timings, "Where the time went."),
    Field(
        "completion_probabilities",
        Array(token_chance, made=True),
        "One for each token, with `n_probs`; of a stream, those of the last event.",
        required=False,
    ),
)

native_answers = Union(
    "native_answers",
    "One answer, or an array of them if there are several prompts or `n_cmpl` is above 1.",
    one=native_answer,
    several=Array(native_answer),
)

native_event = Object(
    "native_event",
    "An event of a stream.",
    Field("index", Integer(), "Which answer, from 0."),
    Field("content", String(), "More text."),
    Field("tokens", Array(Integer(bits=32), made=True), "The ids of the tokens that came with it."),
    Field("stop", Literal(False), "More follows."),
    *_counted,
    Field("timings", timings, "With `timings_per_token`.", required=False),
    Field("prompt_progress", prompt_progress, "With `return_progress`.", required=False),
    Field(
        "completion_probabilities",
        Array(token_chance, made=True),
        "With `n_probs`.",
        required=False,
    ),
)

api = Api(
    "completion",
    "Continue a text, as llama.cpp's server does.",
    Route(
        "POST /completion",
        "Continues the prompt.",
        handler="handle_native_completion",
        request=native_request,
        response=native_answers,
        stream=native_event,
        stream_end=native_answer,
        aliases=["/completions"],
        statuses=BUSY,
    ),
)
