"""How often each limit of the appliance was met."""

from cllm_gen.spec.appliance import limit_names
from cllm_gen.spec.metric import Counter, Metrics

metrics = Metrics(
    "limits",
    "Limits of the appliance's spec.",
    Counter(
        "limit_refusals",
        "What was refused, cut or given up because of a limit.",
        label="limit",
        values=limit_names(),
    ),
)
