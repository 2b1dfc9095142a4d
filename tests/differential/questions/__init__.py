"""What both servers are asked: one file for each family of routes."""

from tests.differential.question import Question
from tests.differential.questions import (
    chat,
    completion,
    completions,
    embeddings,
    messages,
    responses,
    state,
    tokens,
    transport,
)

QUESTIONS: tuple[Question, ...] = (
    *transport.QUESTIONS,
    *tokens.QUESTIONS,
    *completion.QUESTIONS,
    *completions.QUESTIONS,
    *chat.QUESTIONS,
    *messages.QUESTIONS,
    *responses.QUESTIONS,
    *embeddings.QUESTIONS,
    *state.QUESTIONS,
)
"""State last: by then both have answered."""
