"""What the appliance tells of itself: models, properties, slots, and what it cannot do."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests


@pytest.fixture(scope="module")
def get(hosted):
    def send(path):
        answer = requests.get(hosted.url + path, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return send


def test_models_tell_their_sizes(get):
    (model,) = get("/v1/models")["data"]
    assert model["meta"] == {
        "vocab_type": 2,
        "n_vocab": 49152,
        "n_ctx": 8192,
        "n_ctx_train": 8192,
        "n_embd": 576,
        "n_params": 134515008,
        "size": model["meta"]["size"],
    }
    assert 80_000_000 < model["meta"]["size"] < 110_000_000
    assert get("/models") == get("/v1/models")
    assert get(f"/v1/models/{model['id']}")["id"] == model["id"]


def test_properties(get, hosted):
    told = get("/props")
    settings = told["default_generation_settings"]
    assert settings["n_ctx"] == 8192
    params = settings["params"]
    assert (params["temperature"], params["top_k"], params["seed"]) == (0.8, 40, -1)
    assert (params["n_predict"], params["stop"], params["logit_bias"]) == (-1, [], [])
    assert (params["samplers"][0], len(params["samplers"])) == ("penalties", 9)
    assert told["total_slots"] == len(get("/slots"))
    assert not any(told["modalities"].values())
    assert "{% for message in messages %}" in told["chat_template"]
    assert (told["bos_token"], told["eos_token"]) == ("<|im_start|>", "<|im_end|>")
    assert told["model_path"].endswith(".gguf")
    body = {"prompt": "x", "n_predict": 1}
    answer = requests.post(hosted.url + "/completion", json=body).json()
    assert told["build_info"] == answer["system_fingerprint"]


def test_slots_tell_what_runs(get, hosted):
    body = {"prompt": "Count: 1 2 3", "max_tokens": 60, "seed": 77, "ignore_eos": True}
    body |= {"typical_p": 0.75, "repeat_last_n": -1, "dry_base": 1.5}
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(requests.post, hosted.url + "/v1/completions", json=body, timeout=120)
        seen = []
        while not running.done():
            seen += [slot for slot in get("/slots") if slot["is_processing"]]
    params = seen[0]["params"]
    assert all(slot["params"] == params for slot in seen)
    told = [params[name] for name in ("seed", "typical_p", "repeat_last_n", "dry_base", "top_k")]
    assert told == [77, 0.75, -1, 1.5, 0]
    decoded = [next["n_decoded"] for slot in seen for next in slot["next_token"]]
    assert len(decoded) == len(seen)
    assert decoded == sorted(decoded) and decoded[-1] > decoded[0]
    counted = requests.post(hosted.url + "/tokenize", json={"content": body["prompt"]}).json()
    assert {slot["n_prompt_tokens"] for slot in seen} == {len(counted["tokens"])}
    for slot in get("/slots"):
        assert not slot["is_processing"] and not slot.keys() & {"params", "next_token"}


def test_any_model_answers_and_tells_its_own_name(get, hosted):
    body = {"model": "gpt-none", "prompt": "x", "max_tokens": 1}
    answer = requests.post(hosted.url + "/v1/completions", json=body)
    assert answer.status_code == 200
    assert answer.json()["model"] == get("/v1/models")["data"][0]["id"]


@pytest.mark.parametrize(
    "path", ["/rerank", "/v1/rerank", "/reranking", "/v1/reranking", "/infill"]
)
def test_what_the_model_cannot_is_said(hosted, path):
    answer = requests.post(hosted.url + path, json={"query": "a", "documents": ["b"]})
    assert answer.status_code == 501
    assert answer.json()["error"]["type"] == "not_supported_error"


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
def test_health(get, path):
    assert get(path) == {"status": "ok"}
