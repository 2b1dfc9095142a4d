"""Endpoints of llama.cpp's server that need another kind of model than generates text."""

from cllm_gen.spec.api import Api, Route, Text

_NEVER = Text("application/json", "Never: no model here can.")

api = Api(
    "absent",
    "What this model cannot.",
    Route(
        "POST /rerank",
        "Would order documents by how well they answer a query.",
        handler="handle_rerank",
        response=_NEVER,
        aliases=["/v1/rerank", "/reranking", "/v1/reranking"],
        statuses=[(501, "The model is not a reranker.")],
    ),
    Route(
        "POST /infill",
        "Would fill in text between two others.",
        handler="handle_infill",
        response=_NEVER,
        statuses=[(501, "The model has no tokens for that.")],
    ),
)
