"""Compiled templates render what jinja2 renders, byte for byte, and refuse what it refuses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chat_template.conftest import expected
from tests.chat_template.templates import TEMPLATES

TEXT = st.one_of(
    st.text(max_size=30),
    st.text(alphabet=" \t\n\x0b\x1c\x85\xa0\u2003\u200b\u3000ax|z", max_size=12),
    st.sampled_from(
        [
            "",
            "x",
            "<|im_end|>",
            "a|b|c",
            "</think> so",
            "q</think></think>",
            "z",
            "\0",
            "{{ 1 }}",
            "é" * 9,
        ]
    ),
)
ROLE = st.one_of(
    st.sampled_from(["system", "user", "assistant", "tool", "stop", "skip", ""]),
    st.text(max_size=5),
)
ALTERNATING = st.lists(TEXT, max_size=6).map(
    lambda cs: [(("user", "assistant")[i % 2], c) for i, c in enumerate(cs)]
)
WITH_SYSTEM = st.tuples(TEXT, ALTERNATING).map(lambda pair: [("system", pair[0]), *pair[1]])
CHAT = st.one_of(st.lists(st.tuples(ROLE, TEXT), max_size=6), ALTERNATING, WITH_SYSTEM)


def render(program, messages, prompt):
    made, _error = program.render(
        [(role.encode(), content.encode()) for role, content in messages], prompt
    )
    return made.decode() if made is not None else None


@pytest.mark.parametrize("name", TEMPLATES)
def test_any_chat(compiled, name):
    program = compiled(TEMPLATES[name])

    @settings(max_examples=250, deadline=None)
    @given(CHAT, st.booleans())
    def check(messages, prompt):
        assert render(program, messages, prompt) == expected(TEMPLATES[name], messages, prompt)

    check()
    assert render(program, [], True) == expected(TEMPLATES[name], [], True)
