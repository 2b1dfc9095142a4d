"""GET /metrics of running appliances, as Prometheus and routers read it."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

QUESTION = {
    "messages": [{"role": "user", "content": "Say yes."}],
    "max_tokens": 4,
    "temperature": 0,
}
OF_LLAMA_CPP = """prompt_tokens prompt_seconds tokens_predicted tokens_predicted_seconds n_decode
    n_busy_slots_per_decode prompt_tokens_seconds predicted_tokens_seconds requests_processing
    requests_deferred n_tokens_max""".split()
OF_VLLM = """num_requests_waiting num_requests_running kv_cache_usage_perc cache_config_info
    gpu_cache_usage_perc gpu_prefix_cache_hit_rate prefix_cache_hits prefix_cache_queries
    num_preemptions prompt_tokens generation_tokens request_success time_to_first_token_seconds
    inter_token_latency_seconds time_per_output_token_seconds e2e_request_latency_seconds
    request_queue_time_seconds""".split()


def read(machine) -> dict[str, float]:
    """Samples by name and labels."""
    response = requests.get(f"{machine.url}/metrics", timeout=60)
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        f"{each.name}{sorted(each.labels.values()) or ''}": each.value
        for family in text_string_to_metric_families(response.text)
        for each in family.samples
    }


def grown(machine, before: dict[str, float]) -> dict[str, float]:
    after = read(machine)
    return {name: after[name] - before.get(name, 0) for name in after}


@pytest.mark.parametrize("target", ["hosted", "x86_64"])
def test_what_dashboards_and_routers_read_is_there_and_moves(appliances, target):
    machine = appliances(target)
    text = requests.get(f"{machine.url}/metrics", timeout=60).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    wanted = [f"llamacpp:{name}" for name in OF_LLAMA_CPP] + [f"vllm:{name}" for name in OF_VLLM]
    assert [name for name in wanted if name not in families] == []
    (info,) = families["vllm:cache_config_info"].samples
    assert int(info.labels["num_gpu_blocks"]) > 100 and int(info.labels["block_size"]) > 0
    assert len(families["cllm_image_info"].samples[0].labels["identity"]) == 8
    before = read(machine)
    assert requests.post(f"{machine.url}/v1/chat/completions", json=QUESTION, timeout=120).ok
    more = grown(machine, before)
    assert more["llamacpp:prompt_tokens_total"] + more["llamacpp:prompt_tokens_cached_total"] > 10
    assert more["llamacpp:tokens_predicted_total"] == more["vllm:generation_tokens_total"] > 0
    assert more["vllm:e2e_request_latency_seconds_count"] == 1
    assert more["vllm:e2e_request_latency_seconds_sum"] > 0
    assert more["cllm_requests_total"] >= 2 and more["cllm_uptime_seconds"] > 0
    assert 0 <= read(machine)["vllm:kv_cache_usage_perc"] <= 1


def test_a_booted_appliance_counts_frames_and_segments(booted):
    before = read(booted)
    assert requests.get(f"{booted.url}/health", timeout=60).ok
    more = grown(booted, before)
    assert more["cllm_tcp_accepted_total"] >= 1
    for name in ("cllm_nic_frames_received", "cllm_nic_frames_sent", "cllm_tcp_segments_sent"):
        assert more[f"{name}_total"] >= 3, name
    assert more["cllm_nic_received_bytes_total"] > 60 * 3
    assert more["cllm_network_dropped_total['tcp_bad_checksum']"] == 0


def test_a_hosted_one_leaves_the_network_to_its_host(hosted):
    assert not [name for name in read(hosted) if name.startswith(("cllm_nic", "cllm_tcp"))]


def test_connections_at_rest_cost_little(hosted):
    with requests.Session() as first:
        first.get(f"{hosted.url}/health")
        found = read(hosted)
    assert found["cllm_connections_open"] >= 2
    each = found["cllm_heap_owned_bytes['connections']"] / found["cllm_connections_open"]
    assert each < 1024


def test_promtool_finds_nothing_but_others_colons(hosted):
    """Names of llama.cpp and vLLM have a colon, which its linter keeps for recording rules."""
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    text = requests.get(f"{hosted.url}/metrics", timeout=60).text
    ran = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    said = [line.split(" ", 1) for line in (ran.stdout + ran.stderr).splitlines()]
    assert {what for _, what in said} <= {"metric names should not contain ':'"}
    assert all(name.startswith(("llamacpp:", "vllm:")) for name, _ in said)
    own = "\n".join(
        row for row in text.splitlines() if "llamacpp:" not in row and "vllm:" not in row
    )
    again = subprocess.run(
        [promtool, "check", "metrics"], input=own + "\n", capture_output=True, text=True
    )
    assert (again.returncode, again.stdout + again.stderr) == (0, "")
