"""Text to vectors: the embedding endpoint of llama.cpp's server (tools/server/README.md there)."""

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import Array, Enum, Field, Float, Integer, Object
from specs.api.answers import BUSY
from specs.api.completion import native_prompt
from specs.api.generation import model_name

native_embedding_request = Object(
    "native_embedding_request",
    "Texts to embed.",
    model_name,
    Field("content", native_prompt, "The text, or several.", required=False, nullable=True),
    Field("input", native_prompt, "Another name of `content`.", required=False, nullable=True),
    Field(
        "embd_normalize",
        Integer(least=0, most=64),
        "Which norm of a vector is 1: of this power; 0: its largest value is 32760.",
        default=2,
        nullable=True,
    ),
    Field(
        "encoding_format",
        Enum("native_encoding_format", "float"),
        "Vectors are numbers here.",
        default="float",
        nullable=True,
    ),
)

native_embedding = Object(
    "native_embedding",
    "The vector of one input.",
    Field("index", Integer(), "Which input, from 0."),
    Field("embedding", Array(Array(Float())), "The pooled vector, as the only one of an array."),
)

api = Api(
    "embedding",
    "Turn text into vectors, as llama.cpp's server does.",
    Route(
        "POST /embedding",
        "Embeds each input.",
        handler="handle_native_embedding",
        request=native_embedding_request,
        response=Array(native_embedding),
        aliases=["/embeddings"],
        statuses=BUSY,
    ),
)
