"""Text to tokens and back, in the shape of llama.cpp's server."""

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import Array, Boolean, Field, Integer, Object, String, Union

tokenize_request = Object(
    "tokenize_request",
    "Text to cut into tokens.",
    Field("content", String(), "The text."),
    Field(
        "add_special",
        Boolean(),
        "Add the tokens that the model expects round a text, if it expects any.",
        default=False,
        nullable=True,
    ),
    Field(
        "parse_special",
        Boolean(),
        "Special tokens that are written out in the text become their ids.",
        default=True,
        nullable=True,
    ),
    Field(
        "with_pieces",
        Boolean(),
        "Answer with each token's text beside its id.",
        default=False,
        nullable=True,
    ),
)

piece = Union(
    "piece",
    "The token's text, or its bytes if they are no whole characters.",
    text=String(),
    bytes=Array(Integer(bits=32), made=True),
)

token_piece = Object(
    "token_piece",
    "A token and what it stands for.",
    Field("id", Integer(), "The token."),
    Field("piece", piece, "What it stands for."),
)

token_list = Union(
    "token_list",
    "Tokens, with their pieces if `with_pieces` asked for them.",
    tokens=Array(Integer(bits=32), made=True),
    pieces=Array(token_piece, made=True),
)

tokenize_response = Object(
    "tokenize_response",
    "The tokens.",
    Field("tokens", token_list, "In the order of the text."),
)

detokenize_request = Object(
    "detokenize_request",
    "Tokens to turn into text.",
    Field("tokens", Array(Integer(least=0)), "The tokens."),
)

detokenize_response = Object(
    "detokenize_response",
    "The text.",
    Field("content", String(), "Bytes that are no whole characters become U+FFFD."),
)

api = Api(
    "tokens",
    "Text to tokens and back.",
    Route(
        "POST /tokenize",
        "Cuts text into tokens.",
        handler="handle_tokenize",
        request=tokenize_request,
        response=tokenize_response,
    ),
    Route(
        "POST /detokenize",
        "Joins tokens to text.",
        handler="handle_detokenize",
        request=detokenize_request,
        response=detokenize_response,
    ),
)
