"""A second appliance of a model, with another target's sets and another type of KV cache, beside the
first: nothing that the first is made of changes, and it answers."""

import shutil

import requests

from cllm_gen.emit import tree
from cllm_gen.generate import generate
from cllm_gen.machine.run import start
from tests.native import ROOT

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


def test_it_generates_builds_and_answers_beside_the_first(tmp_path):
    for name in ("specs", "generated", "kernel_static"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    first = (ROOT / "specs/appliances/smollm2.py").read_text()
    begin, end = first.index("    targets={"), first.index("    memory=")
    second = first[:begin] + "    targets={hosted: [sse2]},\n    kv_cache='i8',\n" + first[end:]
    second = second.replace('name="smollm2"', 'name="small_cache"').replace("default=True", "")
    (tmp_path / "specs/appliances/small_cache.py").write_text(second.replace("    ,\n", ""))
    before = tree.on_disk(ROOT)
    written = []
    generate(tmp_path, None, written.append)
    assert not set(written) & set(before), "files of the first changed"
    cached = {path.split("/")[2] for path in tree.on_disk(tmp_path) if "/smollm2_135m/" in path}
    assert {"f16", "i8"} <= cached
    with start(tmp_path, "hosted", "small_cache") as machine:
        machine.wait_ready(60)
        body = {"messages": QUESTION, "temperature": 0}
        answer = requests.post(machine.url + "/v1/chat/completions", json=body, timeout=120).json()
        assert answer["choices"][0]["message"]["content"] == "The capital of France is Paris."
        assert "kernels sse2" in machine.console
