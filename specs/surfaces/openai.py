"""OpenAI's API, and what its servers add: the state of the server, text to tokens and back."""

from cllm_gen.spec.api import Surface
from specs.api import chat, completion, completions, embeddings, health, metrics, models, tokens

openai = Surface(
    "openai",
    health.api,
    models.api,
    completions.api,
    completion.api,
    chat.api,
    embeddings.api,
    tokens.api,
    metrics.api,
)
