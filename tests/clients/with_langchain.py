"""LangChain's OpenAI integration: langchain-openai."""

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
    prompt_tokens,
)
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings

WHERE = {"base_url": BASE, "api_key": KEY, "model": model(), "max_retries": 0}


def chat(**fields) -> ChatOpenAI:
    return ChatOpenAI(**WHERE, temperature=0, max_tokens=TOKENS, **fields)


@case
def invoke():
    answer = chat().invoke(QUESTION)
    assert answer.content == greedy()
    assert answer.usage_metadata["input_tokens"] == prompt_tokens()
    assert answer.response_metadata["finish_reason"] in ("stop", "length")


@case
def invoke_messages():
    answer = chat(seed=1, stop=["\n\n"]).invoke(
        [("system", SYSTEM["content"]), ("human", QUESTION)]
    )
    assert answer.content == greedy(SYSTEM, *CHAT)


@case
def stream():
    pieces = list(chat(stream_usage=True).stream(QUESTION))
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    assert whole.content == greedy() and whole.usage_metadata["input_tokens"] == prompt_tokens()


@case
async def asynchronous():
    assert (await chat().ainvoke(QUESTION)).content == greedy()
    assert "".join([piece.content async for piece in chat().astream(QUESTION)]) == greedy()


@case
def batch():
    other = "Name a fruit."
    answers = chat().batch([QUESTION, other])
    assert [each.content for each in answers] == [
        greedy(),
        greedy({"role": "user", "content": other}),
    ]


@case
def log_probabilities():
    answer = chat().bind(logprobs=True, top_logprobs=2).invoke(QUESTION)
    told = answer.response_metadata["logprobs"]["content"]
    assert "".join(each["token"] for each in told) == greedy()


@case
def several_choices():
    made = ChatOpenAI(**WHERE, n=2, max_tokens=TOKENS, seed=1, presence_penalty=0.5).generate(
        [[HumanMessage(QUESTION)]]
    )
    assert len(made.generations[0]) == 2


@case
def completion():
    text = OpenAI(**WHERE, temperature=0, max_tokens=TOKENS).invoke("One two three")
    assert text == continued("One two three")


@case
def completion_stream():
    pieces = OpenAI(**WHERE, temperature=0, max_tokens=TOKENS).stream("One two three")
    assert "".join(pieces) == continued("One two three")


@case
def completions_best_of():
    made = OpenAI(**WHERE, max_tokens=TOKENS, best_of=2, n=1, seed=1).generate(["One", "Two"])
    assert len(made.generations) == 2


@case
def embeddings():
    # The other way cuts texts by OpenAI's own tokenizer, which it fetches from OpenAI.
    found = OpenAIEmbeddings(**WHERE, check_embedding_ctx_length=False).embed_documents(
        ["The cat sleeps.", "Rates rose."]
    )
    assert near(found[0], embedded("The cat sleeps.")) and near(found[1], embedded("Rates rose."))


@case
def responses():
    answer = chat(use_responses_api=True).invoke(QUESTION)
    assert answer.content[0]["text"] == greedy()


@case
def responses_stream():
    pieces = chat(use_responses_api=True).stream(QUESTION)
    assert "".join(piece.text for piece in pieces) == greedy()


main()
