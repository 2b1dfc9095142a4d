"""Whether the appliance answers yet. Load balancers and start scripts poll it."""

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import Enum, Field, Object

health = Object(
    "health",
    "The appliance's state.",
    Field(
        "status",
        Enum("health_status", "ok", "loading"),
        "`loading` while the model image is checked after boot, then `ok`.",
    ),
)

api = Api(
    "health",
    "Liveness and readiness.",
    Route(
        "GET /health",
        "Answers 200 once the model can generate.",
        handler="handle_health",
        response=health,
        aliases=["/v1/health"],
        authenticated=False,
        quiet=True,
        statuses=[(503, "The model is still loading; the body says so.")],
    ),
)
