"""OpenAI's API, Anthropic's messages, and what llama.cpp's server adds: the state of the server, text to
tokens and back."""

from cllm_gen.spec.api import Surface
from specs.api import (
    absent,
    chat,
    completion,
    completions,
    embedding,
    embeddings,
    health,
    messages,
    metrics,
    models,
    responses,
    state,
    tokens,
)

openai = Surface(
    "openai",
    health.api,
    models.api,
    completions.api,
    completion.api,
    chat.api,
    responses.api,
    messages.api,
    embeddings.api,
    embedding.api,
    tokens.api,
    state.api,
    metrics.api,
    absent.api,
)
