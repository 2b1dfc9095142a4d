"""Pydantic AI: pydantic-ai-slim."""

from __future__ import annotations

from cases import (
    BASE,
    CHAT,
    KEY,
    QUESTION,
    SYSTEM,
    TOKENS,
    case,
    greedy,
    main,
    model,
    prompt_tokens,
)
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

GREEDY = ModelSettings(temperature=0, max_tokens=TOKENS)


def agent(kind, settings=GREEDY, **fields) -> Agent:
    provider = OpenAIProvider(base_url=BASE, api_key=KEY)
    return Agent(kind(model(), provider=provider), model_settings=settings, **fields)


@case
def chat():
    result = agent(OpenAIChatModel).run_sync(QUESTION)
    assert result.output == greedy() and result.usage.input_tokens == prompt_tokens()


@case
def chat_with_a_system_prompt():
    result = agent(OpenAIChatModel, system_prompt=SYSTEM["content"]).run_sync(QUESTION)
    assert result.output == greedy(SYSTEM, *CHAT)


@case
def chat_with_two_system_prompts():
    talk = agent(OpenAIChatModel, system_prompt=SYSTEM["content"], instructions="Be kind.")
    assert talk.run_sync(QUESTION).output


@case
async def chat_stream():
    async with agent(OpenAIChatModel).run_stream(QUESTION) as result:
        assert [text async for text in result.stream_text()][-1] == greedy()


@case
def conversation():
    talk = agent(OpenAIChatModel)
    first = talk.run_sync(QUESTION)
    second = talk.run_sync("Another one.", message_history=first.all_messages())
    said = {"role": "assistant", "content": greedy()}
    assert second.output == greedy(*CHAT, said, {"role": "user", "content": "Another one."})


@case
def chat_with_every_setting():
    settings = ModelSettings(
        max_tokens=TOKENS,
        temperature=0.1,
        top_p=0.9,
        seed=1,
        presence_penalty=0.1,
        frequency_penalty=0.1,
        logit_bias={"5": 1},
        stop_sequences=["\n\n"],
    )
    assert agent(OpenAIChatModel, settings).run_sync(QUESTION).output


@case
def responses():
    talk = agent(OpenAIResponsesModel, instructions=SYSTEM["content"])
    assert talk.run_sync(QUESTION).output == greedy(SYSTEM, *CHAT)


@case
async def responses_stream():
    async with agent(OpenAIResponsesModel).run_stream(QUESTION) as result:
        assert [text async for text in result.stream_text()][-1] == greedy()


main()
