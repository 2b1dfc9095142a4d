"""The one model that is served, in the shape of OpenAI's model list."""

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import Array, Field, Integer, Literal, Object, String

model_meta = Object(
    "model_meta",
    "The model's sizes.",
    Field("vocab_type", Integer(), "1: SentencePiece, 2: byte pairs."),
    Field("n_vocab", Integer(), "Tokens of the vocabulary."),
    Field("n_ctx", Integer(), "Tokens that prompt and answer may have together here."),
    Field("n_ctx_train", Integer(), "And at most, by the model."),
    Field("n_embd", Integer(), "Width of an embedding."),
    Field("n_params", Integer(), "Numbers in the weights."),
    Field("size", Integer(), "Bytes of the weights."),
)

model = Object(
    "model",
    "A model that requests may name.",
    Field("id", String(), "Name to put into a request's `model`."),
    Field("object", Literal("model"), "Always `model`."),
    Field("created", Integer(), "When the appliance started, in seconds since 1970-01-01 UTC."),
    Field("owned_by", String(), "Who made the model."),
    Field("aliases", Array(String()), "Other names: none."),
    Field("tags", Array(String()), "None."),
    Field("meta", model_meta, "Its sizes."),
)

model_list = Object(
    "model_list",
    "All models; an appliance has one.",
    Field("object", Literal("list"), "Always `list`."),
    Field("data", Array(model), "The models."),
    Field("has_more", Literal(False), "These are all."),
    Field("first_id", String(), "Name of the first."),
    Field("last_id", String(), "Name of the last."),
)

api = Api(
    "models",
    "Which model is served.",
    Route(
        "GET /v1/models",
        "Lists the models.",
        handler="handle_list_models",
        response=model_list,
        aliases=["/models"],
    ),
    Route(
        "GET /v1/models/{model}",
        "Describes one model.",
        handler="handle_get_model",
        response=model,
        aliases=["/models/{model}"],
        statuses=[(404, "There is no such model.")],
    ),
)
