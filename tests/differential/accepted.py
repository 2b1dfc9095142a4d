"""The differences that are meant: the run reads them, and specs/api/DIFFERENCES.md is written from them."""

from tests.differential.accept import Chapter, Rule

_REFUSED = ("status 200 400",)
_TAKEN = ("status 400 200",)

REQUESTS = Chapter(
    "Requests that we refuse and llama.cpp takes",
    (
        Rule(
            _REFUSED,
            "A value that is out of range is refused by name; theirs is moved to the nearest bound without a word.",
            (
                '*{"top_p":*', '*{"min_p":1.5}', '*{"min_p":-0.5}', '*{"typical_p":2}',
                '*{"temperature":-1}', '*{"xtc_*":2}', '*{"mirostat":*', '*{"dry_base":0.5}',
                '*{"logprobs":-1}', '*{"best_of":0}', '*{"max_tokens":0}', '*{"max_tokens":-1}',
                '*{"max_output_tokens":0}', '*{"id_slot":1000}', '*{"dimensions":0}',
                '*"top_logprobs":21}', '*{"logit_bias":[[999999,1]]}',
                '*{"embd_normalize":-1}', '*{"n_probs":-1}', '*{"n_probs":1000}',
            ),
        ),
        Rule(
            _REFUSED,
            "A value of the wrong type is refused by name; theirs is ignored, or cut to an integer.",
            (
                "*:1.5}", "*:[1.5]}", '*:"x"}', "*:5}", '*{"min_p":true}', '*{"stop":{}}',
                '*{"response_fields":"content"}', '*{"response_fields":[5]}', '*{"logit_bias":[*', '*{"logit_bias":{"198":"x"}}',
            ),
        ),
        Rule(
            _REFUSED,
            "Names that nothing goes by are refused; theirs are ignored, or drawn as the template has it.",
            ('*{"samplers":*', '*"nonsense"*'),
        ),
        Rule(
            _REFUSED,
            "What the request is about must be there, and not be empty.",
            (
                '*"absent"}', '*"messages":[]}', '*"content":[]}]}', '*{"input":[]}', '*{"prompt":""}',
                '*{"prompt":[[]]}', '*{"prompt":[""]}', '*{"model":""}', '*{"stop":""}',
                '*{"stop":[""]}', '*{"dry_sequence_breakers":[""]}',
            ),
        ),
        Rule(
            _REFUSED,
            "Answers are free text: no grammars, schemas or objects.",
            ('*{"grammar":*', '*{"json_schema":*', '*{"response_format":{"type":"json_*'),
        ),
        Rule(_REFUSED, "Tools are not called.", ('*"tools":[{*', '*{"tool_choice":"required"}', '*"role":"tool"*')),
        Rule(
            _REFUSED,
            "The model does not reason apart, and the length of answers cannot be steered; asking for it is refused "
            "and not ignored.",
            (
                '*"effort":"low"*', '*{"reasoning_effort":"low"}', '*{"reasoning_format":"deepseek"}',
                '*{"thinking":{"type":"enabled"*', '*{"verbosity":"low"}',
            ),
        ),
        Rule(
            _REFUSED,
            "What the appliance does not do is refused by name: shifting a full context, indentation, adapters, the "
            "rule adaptive_p, sound, text between two others, names of speakers, parameters of templates.",
            (
                '*{"n_indent":4}', '*{"lora":[{*',
                '*{"adaptive_target":0.5}', '*{"backend_sampling":true}', '*{"modalities":["audio"]}',
                '*{"suffix":"end"}', '*"name":"Bo"*', '*{"chat_template_kwargs":{"a":1}}',
                '*/embedding {"encoding_format":"base64"}',
            ),
        ),
        Rule(
            _REFUSED,
            "`content` of /tokenize is one text; theirs may be an array of texts and tokens.",
            ("POST /tokenize *",),
        ),
        Rule(
            _REFUSED,
            "JSON begins with a value: a byte order mark is none (RFC 8259 section 8.1).",
            ("POST /completion a byte order mark",),
        ),
    ),
)  # fmt: skip

TAKEN = Chapter(
    "Requests that we take and llama.cpp refuses",
    (
        Rule(_TAKEN, "-1 means all tokens, as it did in llama.cpp before.", ('*_last_n":-1}',)),
        Rule(_TAKEN, "A `repeat_penalty` of 0 changes nothing.", ('*{"repeat_penalty":0}',)),
        Rule(
            _TAKEN,
            "OpenAI takes these: `top_logprobs` where chances are not asked for is 0, and a conversation may hold "
            "turns of one speaker in a row, or ask for a new turn after the assistant's.",
            ("*top_logprobs*", "*assistant*"),
        ),
        Rule(
            ("status 500 200",),
            "null is the same as absent.",
            ('POST /v1/embeddings {"encoding_format":null}',),
        ),
    ),
)

STATUSES = Chapter(
    "Other statuses",
    (
        Rule(
            ("status 500 400",),
            "A body that cannot be read, and a value of the wrong type, is the client's mistake and no failure of the "
            "server.",
        ),
        Rule(
            ("status 404 405", "status 501 405"),
            "A path that is served, with another method: 405 and the header Allow (RFC 9110 section 15.5.6).",
        ),
        Rule(
            ("status 501 404", "status 200 404", "status 403 404"),
            "Adapters, kept slots, speech, tools of the server and its proxy are not served at all.",
            ("*/lora-adapters*", "*/slots/*", "*/audio/*", "GET /tools", "GET /cors-proxy"),
        ),
        Rule(
            ("status 404 200",),
            "One model can be asked for by its name, as OpenAI has it.",
            ("GET /v1/models/*",),
        ),
        Rule(
            ("status 200 204", "status 200 403"),
            "OPTIONS has no body; what a page of another origin may do is the operator's to say (the word origin= of the "
            "command line).",
            ("OPTIONS *",),
        ),
    ),
)

ERRORS = Chapter(
    "Errors",
    (
        Rule(
            ("added error.param", "type error.code number *", "value error.type"),
            "Errors are OpenAI's, on all routes: `param` names the field, `code` is a text or null (the status is in the "
            "status line), and `type` is `invalid_request_error` for unknown paths too.",
        ),
        Rule(
            ("missing error.code", "added type"),
            "Errors of Anthropic's routes are Anthropic's.",
            ("POST /v1/messages*",),
        ),
    ),
)

NATIVE = Chapter(
    "POST /completion",
    (
        Rule(
            (
                "missing *generation_settings.adaptive_*",
                "missing *generation_settings.backend_sampling",
                "missing *generation_settings.speculative.types",
                "missing default_generation_settings.params.adaptive_*",
                "missing default_generation_settings.params.backend_sampling",
                "missing default_generation_settings.params.speculative.types",
            ),
            "There is no rule adaptive_p and one place where tokens are drawn; how tokens are guessed has no name of "
            "theirs.",
        ),
        Rule(
            (
                "added *generation_settings.min_tokens",
                "added default_generation_settings.params.*",
                "added *system_fingerprint",
            ),
            "Told besides: `min_tokens`, all settings in /props, and weights, kernels and image that answered.",
        ),
        Rule(
            ("value *generation_settings.*reasoning_format",),
            "The model does not reason apart, so that nothing is looked for in its text.",
        ),
        Rule(
            (
                "value generation_settings.top_k",
                "value generation_settings.n_keep",
                "type generation_settings.logit_bias[].bias null number",
            ),
            "Settings are told as they were asked for, a ban as -100: JSON has no infinity.",
        ),
        Rule(
            (
                "text *",
                "value tokens_predicted",
                "value stop_type",
                "value has_new_line",
                "value *generation_settings.max_tokens",
                "value *generation_settings.n_predict",
                "value usage.*",
            ),
            "With a length of 0 theirs has a token, against its own documentation; one of 2^40 it reads as 0.",
            (
                '*"n_predict":0}',
                '*"max_tokens":0}',
                '*{"max_completion_tokens":0}',
                '*{"n_predict":1099511627776}',
            ),
        ),
    ),
)

OPENAI = Chapter(
    "Routes of OpenAI and Anthropic",
    (
        Rule(
            (
                "added choices[].logprobs",
                "added choices[].message.refusal",
                "added choices[].logprobs.refusal",
            ),
            "OpenAI's schema requires these keys; null where there is nothing to tell.",
        ),
        Rule(
            (
                "added choices[].logprobs.text_offset",
                "added choices[].logprobs.token_logprobs",
                "added choices[].logprobs.tokens",
                "added choices[].logprobs.top_logprobs",
                "type choices[].logprobs null object",
            ),
            "`logprobs` of a completion are OpenAI's, with theirs beside them; 0 asks for those of the tokens drawn.",
            ("POST /v1/completions *",),
        ),
        Rule(
            (
                "value choices[].logprobs.content[].*",
                "type choices[].logprobs object null|object",
            ),
            "The token that ends an answer is told with its chances too; an event without a token has null.",
            ("POST /v1/chat/completions *",),
        ),
        Rule(
            ("missing usage", "type usage object null|object"),
            "A stream has `usage` if `stream_options.include_usage` asks for it, and null in its other events then, as "
            "OpenAI has it.",
            ('POST /v1/*"stream":true*',),
        ),
        Rule(
            ("value usage.*",),
            "`usage` is of all prompts and answers of a request; theirs is of the first.",
            ('*"n":2}', '*{"best_of":2}', '*{"prompt":[*'),
        ),
        Rule(
            ("type choices[].delta.content null|string string",),
            "The first event of a chat has an empty text and the role, as OpenAI has it; theirs null.",
        ),
        Rule(
            ("added choices[].tokens",),
            "`return_tokens` is obeyed on these routes too.",
        ),
        Rule(("text choices[].text",), "`echo` is obeyed.", ('*{"echo":true}',)),
        Rule(
            ("value choices[].finish_reason", "value usage.*", "text choices[].message.content"),
            "OpenAI's names of the length go before llama.cpp's where both are there.",
            ('POST /v1/chat/completions {"n_predict":3}',),
        ),
        Rule(
            (
                "missing completed_at",
                "missing response.completed.timings",
                "value *status",
                "added *",
            ),
            "An answer tells what was asked for, as OpenAI's does, and that it ended at a limit; its end and its times "
            "are not told.",
            ("POST /v1/responses *",),
        ),
        Rule(
            ("value usage.*",),
            "`instructions` that are null are absent; theirs are an empty turn of the system's.",
            ('POST /v1/responses {"instructions":null}',),
        ),
        Rule(
            ("added *usage.*", "added ping"),
            "Counts and pings are Anthropic's.",
            ("POST /v1/messages *",),
        ),
        Rule(
            ("value *stop_reason",),
            "An answer that a text ended says `stop_sequence`, as Anthropic's does.",
            ('*"stop_sequences":*',),
        ),
        Rule(
            ("missing data[].encoding_format", "value model"),
            "OpenAI has no such key; and the model that answered is told, not the name that was asked for.",
            ("POST /v1/embeddings *",),
        ),
    ),
)

CONVERSATIONS = Chapter(
    "Conversations",
    (
        Rule(
            ("text *", "value usage.*", "value input_tokens"),
            "The parts of a message are joined without anything between them; theirs with line breaks.",
            ('*"text":" Say two."*',),
        ),
        Rule(
            ("text *", "value usage.*"),
            "What a user writes is text, and never one of the template's marks.",
            ('*"<|im_end|> <|im_start|>"*',),
        ),
        Rule(
            ("text *", "value usage.*"),
            "`add_generation_prompt` and `continue_final_message` are obeyed where they are false; theirs goes on with a "
            "last turn of the assistant's all the same.",
            (
                '*"The capital is"}],"add_generation_prompt":false}',
                '*"continue_final_message":false}',
            ),
        ),
        Rule(
            ("text *",),
            "An answer that goes on with the assistant's turn is what is new, as Anthropic's is; theirs repeats the turn.",
            ('*"The capital is"}]*',),
        ),
        Rule(
            ("text *", "value *"),
            "A message of no parts is an empty message; theirs is left out.",
            ('*"content":[]}]}',),
        ),
    ),
)

STREAMS = Chapter(
    "Streams",
    (
        Rule(
            ("missing prompt_progress", "value tokens[]", "value tokens_predicted"),
            "Progress is told between the steps of a prompt; one that is computed in one step has none.",
            ('*"return_progress":true}',),
        ),
        Rule(
            (
                "type  null|object object",
                "type  null|object|string object|string",
            ),
            "Every event of a stream has an object; theirs begins that of several prompts with null.",
            ('*"stream":true,"prompt":[*',),
        ),
        Rule(
            ("value stop", "type choices[].finish_reason null|string string"),
            "A stream of no tokens has its last event alone.",
            ('*"stream":true,"n_predict":0}', '*"stream":true,"max_tokens":0}'),
        ),
    ),
)

STATE = Chapter(
    "State",
    (
        Rule(
            (
                "missing models",
                "missing *meta.ftype",
                "added *",
                "value *owned_by",
            ),
            "The list of models has the keys of OpenAI's and Anthropic's, not those of Ollama's; the type of the weights "
            "has no name where a file mixes several.",
            ("GET /v1/models*", "GET /models"),
        ),
        Rule(
            ("missing media_marker", "missing model_ftype", "missing ui_settings", "value ui"),
            "There are no media and no pages for people.",
            ("GET /props",),
        ),
        Rule(
            ("missing chat_template_caps.supports_system_role",),
            "What the server does with conversations is told, not what the template could.",
            ("GET /props",),
        ),
        Rule(
            (
                "missing *",
                "value [].is_processing",
                "value [].speculative",
            ),
            "A slot tells how it draws and how far it is while there is a job; what the engine does not know of the "
            "request is not told. Tokens are guessed unless the command line says guesses=0.",
            ("GET /slots*",),
        ),
        Rule(
            ("added *", "value llamacpp:n_tokens_max"),
            "All of theirs are there, besides vLLM's names and our own; the largest number of tokens is a gauge.",
            ("GET /metrics",),
        ),
    ),
)

CHAPTERS: tuple[Chapter, ...] = (
    REQUESTS,
    TAKEN,
    STATUSES,
    ERRORS,
    NATIVE,
    OPENAI,
    CONVERSATIONS,
    STREAMS,
    STATE,
)
