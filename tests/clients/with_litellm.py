"""LiteLLM, which speaks to servers of OpenAI's and of Anthropic's API: litellm."""

from __future__ import annotations

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # its list of prices is on the web

import litellm
from cases import (
    BASE,
    CHAT,
    KEY,
    QUESTION,
    ROOT,
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

litellm.telemetry = False
litellm.suppress_debug_info = True
OPENAI = {"api_base": BASE, "api_key": KEY}
ANTHROPIC = {"api_base": ROOT, "api_key": KEY}
GREEDY = {"temperature": 0, "max_tokens": TOKENS}


@case
def chat():
    answer = litellm.completion("openai/" + model(), CHAT, **OPENAI, **GREEDY)
    assert answer.choices[0].message.content == greedy()
    assert answer.usage.prompt_tokens == prompt_tokens()


@case
def chat_of_parts():
    turns = [SYSTEM, {"role": "user", "content": [{"type": "text", "text": QUESTION}]}]
    answer = litellm.completion("openai/" + model(), turns, **OPENAI, **GREEDY)
    assert answer.choices[0].message.content == greedy(SYSTEM, *CHAT)


@case
def chat_stream():
    chunks = list(
        litellm.completion(
            "openai/" + model(),
            CHAT,
            stream=True,
            stream_options={"include_usage": True},
            **OPENAI,
            **GREEDY,
        )
    )
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == greedy()


@case
async def chat_async():
    answer = await litellm.acompletion("openai/" + model(), CHAT, **OPENAI, **GREEDY)
    assert answer.choices[0].message.content == greedy()


@case
def chat_as_to_vllm():
    answer = litellm.completion("hosted_vllm/" + model(), CHAT, **OPENAI, **GREEDY)
    assert answer.choices[0].message.content == greedy()


@case
def chat_as_to_llamafile():
    answer = litellm.completion("llamafile/" + model(), CHAT, **OPENAI, **GREEDY)
    assert answer.choices[0].message.content == greedy()


@case
def chat_with_every_field():
    answer = litellm.completion(
        "openai/" + model(),
        CHAT,
        **OPENAI,
        temperature=0.1,
        top_p=0.9,
        n=2,
        stop=["\n\n"],
        max_tokens=TOKENS,
        presence_penalty=0.1,
        frequency_penalty=0.1,
        logit_bias={"5": 1},
        user="u",
        seed=1,
        logprobs=True,
        top_logprobs=1,
        top_k=3,
    )
    assert len(answer.choices) == 2


@case
def text():
    answer = litellm.text_completion(
        model="text-completion-openai/" + model(), prompt="One two three", **OPENAI, **GREEDY
    )
    assert answer.choices[0].text == continued("One two three")


@case
def embedding():
    answer = litellm.embedding("openai/" + model(), ["The cat sleeps."], **OPENAI)
    assert near(answer.data[0]["embedding"], embedded("The cat sleeps."))


@case
def responses():
    # It asks for 16 tokens at least.
    answer = litellm.responses(
        model="openai/" + model(), input=QUESTION, temperature=0, max_output_tokens=16, **OPENAI
    )
    assert answer.output[0].content[0].text == greedy(tokens=16)


@case
def messages():
    answer = litellm.completion("anthropic/" + model(), CHAT, **ANTHROPIC, **GREEDY)
    assert answer.choices[0].message.content == greedy()


@case
def messages_stream():
    chunks = litellm.completion("anthropic/" + model(), CHAT, stream=True, **ANTHROPIC, **GREEDY)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == greedy()


@case
def messages_with_its_own_limit():
    # It asks for 128,000 tokens where the caller names no limit.
    chunks = litellm.completion(
        "anthropic/" + model(), CHAT, stream=True, stop=["."], temperature=0, **ANTHROPIC
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


@case
async def messages_as_they_are():
    answer = await litellm.anthropic.messages.acreate(
        model="anthropic/" + model(), messages=CHAT, **ANTHROPIC, **GREEDY
    )
    assert answer["content"][0]["text"] == greedy()


main()
