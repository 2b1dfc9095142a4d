"""The command `llm`, with models that its settings name."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cases import BASE, CHAT, KEY, QUESTION, SYSTEM, TOKENS, case, continued, greedy, main, model

FOLDER = Path(tempfile.mkdtemp(prefix="cllm-llm-"))
(FOLDER / "extra-openai-models.yaml").write_text(f"""\
- model_id: chat
  model_name: {model()}
  api_base: {BASE}
- model_id: text
  model_name: {model()}
  api_base: {BASE}
  completion: true
""")
GREEDY = ["-o", "temperature", "0", "-o", "max_tokens", str(TOKENS)]


def llm(*words: str) -> str:
    """What the command prints."""
    done = subprocess.run(
        [Path(sys.executable).with_name("llm"), *words, "--key", KEY],
        env={**os.environ, "LLM_USER_PATH": str(FOLDER)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")


@case
def stream():
    assert llm("-m", "chat", *GREEDY, QUESTION) == greedy()


@case
def whole():
    said = llm("-m", "chat", "--no-stream", "-s", SYSTEM["content"], *GREEDY, QUESTION)
    assert said == greedy(SYSTEM, *CHAT)


@case
def conversation():
    first = llm("-m", "chat", *GREEDY, QUESTION)
    second = llm("-m", "chat", "-c", *GREEDY, "Another one.")
    said = {"role": "assistant", "content": first}
    assert second == greedy(*CHAT, said, {"role": "user", "content": "Another one."})


@case
def text():
    assert llm("-m", "text", *GREEDY, "One two three") == continued("One two three").rstrip("\n")


@case
def other_options():
    options = "seed 3 top_p 0.9 presence_penalty 0.1 frequency_penalty 0.1".split()
    words = [word for pair in zip(options[::2], options[1::2]) for word in ("-o", *pair)]
    assert llm("-m", "chat", *words, "-o", "max_tokens", "4", QUESTION)


main()
