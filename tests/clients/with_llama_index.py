"""LlamaIndex for servers of OpenAI's API: llama-index-llms-openai-like and its embeddings."""

from __future__ import annotations

from cases import (
    BASE,
    CHAT,
    KEY,
    QUESTION,
    SYSTEM,
    TOKENS,
    case,
    continued,
    embedded,
    greedy,
    main,
    model,
    near,
)
from llama_index.core.llms import ChatMessage
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike

WHERE = {"model": model(), "api_base": BASE, "api_key": KEY, "max_retries": 0}
TURNS = [
    ChatMessage(role="system", content=SYSTEM["content"]),
    ChatMessage(role="user", content=QUESTION),
]


def llm(**fields) -> OpenAILike:
    settings = {"is_chat_model": True, "temperature": 0, "max_tokens": TOKENS, **fields}
    return OpenAILike(**WHERE, **settings)


@case
def chat():
    assert llm().chat(TURNS).message.content == greedy(SYSTEM, *CHAT)


@case
def chat_stream():
    pieces = [piece.delta or "" for piece in llm().stream_chat(TURNS)]
    assert "".join(pieces) == greedy(SYSTEM, *CHAT)


@case
async def chat_async():
    assert (await llm().achat(TURNS)).message.content == greedy(SYSTEM, *CHAT)


@case
def log_probabilities():
    answer = llm(logprobs=True, top_logprobs=1, additional_kwargs={"seed": 1}).chat(TURNS)
    assert answer.message.content == greedy(SYSTEM, *CHAT) and answer.logprobs


@case
def complete():
    assert llm(is_chat_model=False).complete("One two three").text == continued("One two three")


@case
def complete_stream():
    pieces = llm(is_chat_model=False).stream_complete("One two three")
    assert "".join(piece.delta or "" for piece in pieces) == continued("One two three")


@case
def embeddings():
    made = OpenAILikeEmbedding(model_name=model(), api_base=BASE, api_key=KEY)
    found = made.get_text_embedding_batch(["The cat sleeps.", "Rates rose."])
    assert near(found[0], embedded("The cat sleeps.")) and near(found[1], embedded("Rates rose."))


main()
