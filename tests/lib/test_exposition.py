"""Counting, and the page of metrics in Prometheus' text format, read by its own client."""

from __future__ import annotations

import ctypes

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.native import HEAP, METRICS, SUPPORT, library, with_heap

SOURCES = [*METRICS, "kernel_static/lib/buffer.c", "tests/lib/exposition_driver.c", *HEAP, *SUPPORT]
MILLISECOND = 10**6


def page(lib) -> str:
    at = ctypes.c_char_p()
    lib.test_page.restype = ctypes.c_size_t
    count = lib.test_page(ctypes.byref(at))
    return ctypes.string_at(at, count).decode()


def numbers(lib) -> dict[str, float]:
    """Samples by name and labels; the parser refuses what is not the format."""
    return {
        f"{each.name}{sorted(each.labels.items()) or ''}": each.value
        for family in text_string_to_metric_families(page(lib))
        for each in family.samples
    }


@pytest.fixture
def lib(tmp_path):
    return with_heap(library(tmp_path, SOURCES))


def test_only_groups_that_are_provided_are_shown(lib):
    assert page(lib) == ""
    lib.test_provide()
    assert {family.split(":")[0].split("_")[0] for family in numbers(lib)} <= {
        "llamacpp",
        "vllm",
        "cllm",
        "process",
    }
    assert "cllm_connections_open" not in page(lib)


def test_numbers_ratios_and_labels(lib):
    lib.test_provide()
    assert numbers(lib)["llamacpp:prompt_tokens_seconds"] == 0, "nothing by nothing"
    assert "cllm_image_info[('identity', '')]" in numbers(lib)
    lib.test_count()
    found = numbers(lib)
    assert found["cllm_image_info[('identity', '0123abcd')]"] == 1
    assert found["llamacpp:prompt_tokens_total"] == 300
    assert found["llamacpp:prompt_seconds_total"] == 1.5
    assert found["llamacpp:prompt_tokens_seconds"] == 200
    assert found["vllm:request_success_total[('finished_reason', 'length')]"] == 1
    assert found["vllm:request_success_total[('finished_reason', 'stop')]"] == 0
    assert found["vllm:num_requests_running"] == found["llamacpp:requests_processing"] == 1
    assert found["vllm:kv_cache_usage_perc"] == found["vllm:gpu_cache_usage_perc"] == 0.25
    info = "vllm:cache_config_info[('block_size', '32'), ('num_gpu_blocks', '8')]"
    assert found[info] == 1
    assert found["cllm_uptime_seconds"] == 1.5, "collected for the page"


def test_histograms(lib):
    lib.test_provide()
    which = lib.test_time_to_first_token()
    for nanoseconds in (0, MILLISECOND, MILLISECOND + 1, 300 * 1000 * MILLISECOND, 2**40):
        lib.test_observe(which, ctypes.c_uint64(nanoseconds))
    found = numbers(lib)

    def at_most(bound: str) -> float:
        return found[f"vllm:time_to_first_token_seconds_bucket[('le', '{bound}')]"]

    assert (at_most("0.001"), at_most("0.0025"), at_most("60")) == (2, 3, 3)
    assert (at_most("300"), at_most("+Inf")) == (4, 5)
    assert found["vllm:time_to_first_token_seconds_count"] == 5
    total = 2 * MILLISECOND + 1 + 300 * 1000 * MILLISECOND + 2**40
    assert found["vllm:time_to_first_token_seconds_sum"] == pytest.approx(total / 1e9, abs=1e-9)


def test_each_family_has_one_help_and_one_type(lib):
    lib.test_provide()
    rows = page(lib).splitlines()
    for kind in ("HELP", "TYPE"):
        named = [row.split()[2] for row in rows if row.startswith(f"# {kind} ")]
        assert len(named) == len(set(named)) > 40
