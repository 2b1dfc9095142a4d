"""The run: asks both servers everything and tells what is not as accepted. Exit 1 if anything is not."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from cllm_gen.machine.errors import RunFailed
from cllm_gen.machine.run import start
from tests.differential.accept import judge
from tests.differential.accepted import CHAPTERS
from tests.differential.answer import ask
from tests.differential.compare import KINDS, Difference, compare
from tests.differential.questions import QUESTIONS
from tests.differential.report import markdown
from tests.differential.servers import LlamaServer

ROOT = Path(__file__).resolve().parents[2]


def differences() -> list[Difference]:
    found: list[Difference] = []
    with (
        start(ROOT, "hosted") as ours,
        LlamaServer(ROOT, embeddings=False) as texts,
        LlamaServer(ROOT, embeddings=True) as vectors,
    ):
        ours.wait_ready()
        texts.wait_ready()
        vectors.wait_ready()
        for question in QUESTIONS:
            theirs = ask((vectors if question.embeds else texts).port, question)
            found += compare(question.name, theirs, ask(ours.port, question))
    return found


def main() -> int:
    try:
        found = differences()
    except RunFailed as error:
        print(error, file=sys.stderr)
        return 1
    verdict = judge(found, CHAPTERS)
    folder = ROOT / "build" / "differential"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "differences.json").write_text(json.dumps([asdict(each) for each in found], indent=1))
    (folder / "differences.md").write_text(markdown(verdict, len(QUESTIONS)))
    differing = {each.question for each in found}
    counts = Counter(each.kind for each in found)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind])
    print(f"{len(QUESTIONS)} questions, {len(QUESTIONS) - len(differing)} answered alike; {told}")
    print(f"all of them: {folder / 'differences.md'}")
    for each in verdict.unlisted:
        print(f"not accepted: {each.question}\n    {each.what}: {each.theirs} -> {each.ours}")
    for rule, pattern in verdict.unused:
        print(f"accepted, but no more there: {pattern} of: {rule.because}")
    return 1 if verdict.unlisted or verdict.unused else 0


if __name__ == "__main__":
    sys.exit(main())
