"""/metrics compared with the requests made."""

import httpx
import numpy as np

from . import gauges
from .process import Process
from .test_app import FLAC
from .test_decoder import wav
from .test_settings import README


def test_a_request_is_counted_in_all_metrics(server: Process, client: httpx.Client, flac: bytes) -> None:
    before = gauges.read(server)
    assert client.post("/", params={"language": "en"}, content=flac, headers=FLAC).status_code == 200
    after = gauges.read(server)

    def grew(name: str) -> float:
        return round(after[name] - before.get(name, 0), 3)

    for name in (
        "tgi_request_count_total",
        "tgi_request_success_total",
        "tgi_request_duration_count",
        "tgi_request_queue_duration_count",
        "tgi_request_inference_duration_count",
    ):
        assert grew(name) == 1, name
    assert grew("sidecar_audio_seconds_total") == 6.361
    assert 0 < grew("tgi_request_inference_duration_sum") <= grew("tgi_request_duration_sum")
    assert grew("sidecar_windows_total") == grew("sidecar_window_seconds_count") >= 1
    for method in ("prefill", "decode"):
        assert grew(f"tgi_batch_inference_count_total:{method}") >= 1
        assert grew(f"tgi_batch_inference_duration_sum:{method}") > 0
        assert 0 < grew(f"sidecar_batch_fill_sum:{method}") <= grew(f"sidecar_batch_fill_count:{method}")
    assert grew("tgi_batch_next_size_count") == grew("tgi_batch_inference_count_total:decode")
    assert after["tgi_batch_current_size"] >= 1
    assert after["sidecar_real_time_factor"] > 0
    assert gauges.IDLE.items() <= after.items()


def test_failures_are_counted_by_reason(server: Process, client: httpx.Client, flac: bytes) -> None:
    before = gauges.read(server)
    client.post("/", params={"language": "klingon"}, content=flac, headers=FLAC)
    client.post("/generate_stream", content=b"no audio at all " * 99, headers=FLAC)
    client.post("/generate_stream", content=wav(np.zeros(0)), headers=FLAC)
    after = gauges.read(server)
    failures = "tgi_request_failure_total:validation"
    assert after[failures] - before[failures] == 3
    assert after["tgi_request_count_total"] - before["tgi_request_count_total"] == 3
    assert after["tgi_request_success_total"] == before["tgi_request_success_total"]


def test_metrics_have_text_generation_inferences_names(server: Process) -> None:
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    names = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {"tgi_request_count", "tgi_request_success", "tgi_request_failure", "tgi_queue_size"} <= names
    assert any(line.startswith("tgi_request_count ") for line in lines)


def test_the_readme_lists_every_metric(server: Process) -> None:
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    names = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert [name for name in names if f"`{name}" not in README] == []
