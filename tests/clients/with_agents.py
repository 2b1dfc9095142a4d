"""OpenAI's agents: openai-agents."""

from __future__ import annotations

import openai
from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    set_tracing_disabled,
)
from cases import BASE, CHAT, KEY, QUESTION, SYSTEM, TOKENS, case, greedy, main, model

set_tracing_disabled(True)  # traces go to OpenAI
GREEDY = ModelSettings(temperature=0, max_tokens=TOKENS)


def agent(kind, settings=GREEDY, **fields) -> Agent:
    client = openai.AsyncOpenAI(base_url=BASE, api_key=KEY, max_retries=0)
    return Agent(name="A", model=kind(model(), client), model_settings=settings, **fields)


def every(**fields) -> ModelSettings:
    return ModelSettings(
        temperature=0.1,
        top_p=0.9,
        max_tokens=TOKENS,
        store=False,
        metadata={"a": "b"},
        top_logprobs=1,
        include_usage=True,
        parallel_tool_calls=False,
        **fields,
    )


async def streamed(talk: Agent, question: str) -> str:
    result = Runner.run_streamed(talk, question)
    events = [event async for event in result.stream_events() if event.type == "raw_response_event"]
    deltas = [each.data.delta for each in events if each.data.type == "response.output_text.delta"]
    assert "".join(deltas) == result.final_output
    return result.final_output


@case
def responses():
    talk = agent(OpenAIResponsesModel, instructions=SYSTEM["content"])
    assert Runner.run_sync(talk, QUESTION).final_output == greedy(SYSTEM, *CHAT)


@case
async def responses_stream():
    # A stream that a limit cuts is an error to it, so there is none.
    hello = {"role": "user", "content": "Say hello."}
    talk = agent(OpenAIResponsesModel, ModelSettings(temperature=0))
    assert await streamed(talk, hello["content"]) == greedy(hello, tokens=200)


@case
def responses_conversation():
    talk = agent(OpenAIResponsesModel)
    first = Runner.run_sync(talk, QUESTION)
    more = {"role": "user", "content": "Another one."}
    second = Runner.run_sync(talk, [*first.to_input_list(), more])
    assert second.final_output == greedy(*CHAT, {"role": "assistant", "content": greedy()}, more)


@case
def responses_with_every_setting():
    talk = agent(OpenAIResponsesModel, every(truncation="disabled"))
    assert Runner.run_sync(talk, QUESTION).final_output


@case
def chat():
    talk = agent(OpenAIChatCompletionsModel, instructions=SYSTEM["content"])
    assert Runner.run_sync(talk, QUESTION).final_output == greedy(SYSTEM, *CHAT)


@case
async def chat_stream():
    assert await streamed(agent(OpenAIChatCompletionsModel), QUESTION) == greedy()


@case
def chat_with_every_setting():
    settings = every(frequency_penalty=0.1, presence_penalty=0.1)
    assert Runner.run_sync(agent(OpenAIChatCompletionsModel, settings), QUESTION).final_output


main()
