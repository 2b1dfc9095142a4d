"""What every request that generates text has in common: a prompt, and how to draw.

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
    Map,
    Number,
    Object,
    String,
    Union,
    Unsupported,
)

PROMPTS_MOST = 2048
"""Prompts or inputs of one request, as OpenAI has it."""

prompt = Union(
    "prompt",
    "Text, texts, tokens or lists of tokens; each text or list of tokens is one prompt.",
    text=String(),
    texts=Array(String(), least=1, most=PROMPTS_MOST),
    tokens=Array(Integer(least=0), least=1),
    token_lists=Array(Array(Integer(least=0), least=1), least=1, most=PROMPTS_MOST),
)

model_name = Field(
    "model",
    String(least=1),
    "Name of the served model (see GET /v1/models); absent means the served one.",
    required=False,
    nullable=True,
)

token_bias = Union(
    "token_bias",
    "What is added to a logit; -100 or less forbids the token, and so does false.",
    number=Number(),
    ban=Boolean(),
)

bias_entry = Object(
    "bias_entry",
    "A token and what is added to its logit, as answers tell it.",
    Field("token", Integer(least=0), "The token."),
    Field("bias", Number(), "-100 or less forbids it."),
)

bias_item = Union(
    "bias_item",
    "A pair of a token and what is added to its logit, or an object of both.",
    pair=Array(
        Union(
            "bias_pair",
            "A token, then what is added to its logit.",
            number=Number(),
            text=String(),
            ban=Boolean(),
        ),
        least=2,
        most=2,
    ),
    entry=bias_entry,
)

logit_bias = Union(
    "logit_bias",
    "Tokens, by number or as text (each token of it), and what is added to their logits.",
    by_token=Map(token_bias),
    items=Array(bias_item),
)

samplers = Union(
    "samplers",
    "Rules in the order in which they are applied: names, or a letter for each.",
    names=Array(
        Enum(
            "sampling_rule",
            "penalties",
            "dry",
            "top_n_sigma",
            "top_k",
            "typ_p",
            "typical_p",
            "top_p",
            "min_p",
            "xtc",
            "temperature",
        ),
        most=16,
    ),
    letters=String(most=16),
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
        Integer(least=-1),
        "Draw from this many of the likeliest tokens; 0 and -1 mean all.",
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
        "Start of the random numbers: the same request with the same seed gives the same text. -1, or "
        "none, is another one each time.",
        required=False,
        nullable=True,
    ),
    Field(
        "typical_p",
        Number(least=0, most=1),
        "Draw from the tokens whose surprise is nearest to the expected one and whose probabilities "
        "sum to this; 0 and 1 mean all.",
        default=1.0,
        nullable=True,
    ),
    Field(
        "top_n_sigma",
        Number(),
        "Draw from tokens whose logit is at most so many standard deviations below the largest; 0 and "
        "less mean all.",
        default=-1.0,
        nullable=True,
    ),
    Field(
        "min_keep",
        Integer(least=0),
        "What `typical_p`, `top_p`, `min_p` and `xtc_probability` leave is at least this many tokens.",
        default=0,
        nullable=True,
    ),
    Field(
        "xtc_probability",
        Number(least=0, most=1),
        "How often the likeliest tokens are left out, but the last of them.",
        default=0.0,
        nullable=True,
    ),
    Field(
        "xtc_threshold",
        Number(least=0, most=1),
        "How probable those are at least; above 0.5 nothing is left out.",
        default=0.1,
        nullable=True,
    ),
    Field(
        "dynatemp_range",
        Number(least=0),
        "Lets the temperature be so much higher or lower, by the entropy of what is left.",
        default=0.0,
        nullable=True,
    ),
    Field(
        "dynatemp_exponent",
        Number(least=0),
        "The power of the entropy, relative to the largest there can be, that says where in the range.",
        default=1.0,
        nullable=True,
    ),
    Field(
        "logit_bias",
        logit_bias,
        "Is added to tokens' logits before all else: an object whose keys are tokens, or an array of pairs or "
        "of objects. A token is a number or, but in an object of both, a text, of which each token is "
        "meant; -100 or less, and false, forbid it. Answers tell it as an array of objects.",
        required=False,
        nullable=True,
    ),
    Field(
        "repeat_penalty",
        Number(least=0),
        "Divides the logits of tokens that stood before where they are positive, and multiplies the "
        "others; 0 and 1 change nothing.",
        default=1.0,
        nullable=True,
    ),
    Field(
        "presence_penalty",
        Number(least=-100, most=100),
        "Is subtracted from the logits of tokens that stood before.",
        default=0.0,
        nullable=True,
    ),
    Field(
        "frequency_penalty",
        Number(least=-100, most=100),
        "Is subtracted from the logits of tokens for each time that they stood before.",
        default=0.0,
        nullable=True,
    ),
    Field(
        "repeat_last_n",
        Integer(least=-1),
        "The three penalties look at so many tokens of prompt and answer; -1 means all, 0 none.",
        default=64,
        nullable=True,
    ),
    Field(
        "dry_multiplier",
        Number(least=0),
        "Tokens that would go on with a passage that stood before get `dry_multiplier * dry_base ** "
        "(length - dry_allowed_length)` subtracted from their logits; 0 means nothing.",
        default=0.0,
        nullable=True,
    ),
    Field("dry_base", Number(least=1), "See `dry_multiplier`.", default=1.75, nullable=True),
    Field(
        "dry_allowed_length",
        Integer(least=0, most=(1 << 31) - 1),
        "Passages of fewer tokens may be repeated.",
        default=2,
        nullable=True,
    ),
    Field(
        "dry_penalty_last_n",
        Integer(least=-1),
        "Passages are looked for in so many tokens of prompt and answer; -1 means all, 0 none.",
        default=64,
        nullable=True,
    ),
    Field(
        "dry_sequence_breakers",
        Array(String(least=1, most=40), least=1, most=16),
        'No passage goes across one of these; absent, `"\\n"`, `":"`, `"\\""` and `"*"`.',
        required=False,
        nullable=True,
    ),
    Field(
        "mirostat",
        Integer(least=0, most=2),
        "Draw so that the surprise of the text stays near `mirostat_tau`, with version 1 or 2 of that "
        "algorithm; of the other rules only `temperature` and `logit_bias` are obeyed then. 0: do not.",
        default=0,
        nullable=True,
    ),
    Field(
        "mirostat_tau",
        Number(least=0),
        "The surprise to keep to, in bits a token.",
        default=5.0,
        nullable=True,
    ),
    Field(
        "mirostat_eta",
        Number(least=0),
        "How fast `mirostat` learns.",
        default=0.1,
        nullable=True,
    ),
    Field(
        "samplers",
        samplers,
        "The rules to apply, in order; absent, `penalties`, `dry`, `top_n_sigma`, `top_k`, `typ_p`, "
        "`top_p`, `min_p`, `xtc`, `temperature`. A rule that is not named is not applied.",
        required=False,
        nullable=True,
    ),
    Field(
        "ignore_eos",
        Boolean(),
        "No token ends the answer.",
        default=False,
        nullable=True,
    ),
    Field(
        "min_tokens",
        Integer(least=0),
        "No token ends the answer before so many.",
        default=0,
        nullable=True,
    ),
    Unsupported("adaptive_target", "there is no rule adaptive_p", allow=(None, -1)),
    Ignored("adaptive_decay", "without `adaptive_target` it changes nothing"),
    Unsupported("backend_sampling", "tokens are drawn in one place", allow=(None, False)),
)
