"""The one model that is served, in the shape of OpenAI's model list."""

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import Array, Field, Integer, Literal, Object, String

model = Object(
    "model",
    "A model that requests may name.",
    Field("id", String(), "Name to put into a request's `model`."),
    Field("object", Literal("model"), "Always `model`."),
    Field("created", Integer(), "When the appliance started, in seconds since 1970-01-01 UTC."),
    Field("owned_by", String(), "Who made the model."),
)

model_list = Object(
    "model_list",
    "All models; an appliance has one.",
    Field("object", Literal("list"), "Always `list`."),
    Field("data", Array(model), "The models."),
)

api = Api(
    "models",
    "Which model is served.",
    Route(
        "GET /v1/models",
        "Lists the models.",
        handler="handle_list_models",
        response=model_list,
    ),
    Route(
        "GET /v1/models/{model}",
        "Describes one model.",
        handler="handle_get_model",
        response=model,
        statuses=[(404, "There is no such model.")],
    ),
)
