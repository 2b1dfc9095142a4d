"""Instructor in the modes that only write a prompt: instructor. Whether so small a model then answers
with JSON is not the server's to promise, so what is asserted is that the answer came and was read.
"""

from __future__ import annotations

import anthropic
import instructor
import openai
from cases import BASE, CHAT, KEY, ROOT, TOKENS, case, greedy, main, model
from instructor.core import IncompleteOutputException, InstructorRetryException
from pydantic import BaseModel

GREEDY = {"model": model(), "temperature": 0, "max_tokens": TOKENS}


class Colour(BaseModel):
    name: str


def over_openai(mode=instructor.Mode.MD_JSON):
    client = openai.OpenAI(base_url=BASE, api_key=KEY, max_retries=0)
    return instructor.from_openai(client, mode=mode)


def read(create) -> None:
    """Either a Colour, or text that Instructor could not read as one, and tells."""
    try:
        assert isinstance(create(), Colour)
    except IncompleteOutputException:
        pass
    except InstructorRetryException as error:
        assert "validation error" in str(error) or "JSON" in str(error), error


@case
def text():
    answer = over_openai().chat.completions.create(messages=CHAT, response_model=None, **GREEDY)
    assert answer.choices[0].message.content == greedy()


@case
def markdown():
    read(
        lambda: over_openai().chat.completions.create(
            messages=CHAT, response_model=Colour, max_retries=2, **{**GREEDY, "max_tokens": 32}
        )
    )


@case
def over_anthropic():
    client = anthropic.Anthropic(base_url=ROOT, api_key=KEY, max_retries=0)
    made = instructor.from_anthropic(client, mode=instructor.Mode.ANTHROPIC_JSON)
    read(
        lambda: made.messages.create(
            model=model(), max_tokens=32, messages=CHAT, response_model=Colour, max_retries=1
        )
    )


main()
