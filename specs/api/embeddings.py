"""Text to vectors: OpenAI's embeddings endpoint. A vector is the mean of the final hidden states over
the text's tokens, scaled to length 1."""

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import (
    Array,
    Base64,
    Enum,
    Field,
    Float,
    Ignored,
    Integer,
    Literal,
    Object,
    String,
    Union,
)
from specs.api.answers import BUSY
from specs.api.generation import model_name, prompt

embedding_request = Object(
    "embedding_request",
    "Texts to embed.",
    model_name,
    Field("input", prompt, "Each text or list of tokens gives one vector."),
    Field(
        "encoding_format",
        Enum("encoding_format", "float", "base64"),
        "`base64` gives the little-endian 32-bit floats as base64.",
        default="float",
        nullable=True,
    ),
    Field(
        "dimensions",
        Integer(least=1),
        "Keep this many leading dimensions and scale to length 1 again; absent means all.",
        required=False,
        nullable=True,
    ),
    Ignored("user", "requests are not told apart by user"),
)

embedding_vector = Union(
    "embedding_vector",
    "The vector, as `encoding_format` asked.",
    floats=Array(Float()),
    base64=Base64(),
)

embedding = Object(
    "embedding",
    "The vector of one input.",
    Field("object", Literal("embedding"), "Always `embedding`."),
    Field("index", Integer(), "Which input, from 0."),
    Field("embedding", embedding_vector, "The vector."),
)

embedding_usage = Object(
    "embedding_usage",
    "Tokens that a request took.",
    Field("prompt_tokens", Integer(), "Tokens of all inputs."),
    Field("total_tokens", Integer(), "The same."),
)

embedding_list = Object(
    "embedding_list",
    "All vectors, in the order of the inputs.",
    Field("object", Literal("list"), "Always `list`."),
    Field("data", Array(embedding), "The vectors."),
    Field("model", String(), "The model that made them."),
    Field("usage", embedding_usage, "Token counts."),
)

api = Api(
    "embeddings",
    "Turn text into vectors.",
    Route(
        "POST /v1/embeddings",
        "Embeds each input.",
        handler="handle_create_embeddings",
        request=embedding_request,
        response=embedding_list,
        statuses=BUSY,
    ),
)
