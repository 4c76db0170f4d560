"""Reads /metrics with Prometheus's own parser."""

import time

import httpx
from prometheus_client.parser import text_string_to_metric_families

from .process import Process

IDLE = {"sidecar_requests": 0, "sidecar_queued_seconds": 0, "sidecar_queued_bytes": 0, "tgi_queue_size": 0}


def read(server: Process) -> dict[str, float]:
    """Each sample by its name, with the value of its label after a colon."""
    response = httpx.get(f"{server.url}/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            if not sample.name.endswith("_bucket"):
                samples[":".join([sample.name, *sample.labels.values()])] = sample.value
    return samples


def wait_for(server: Process, **expected: float) -> dict[str, float]:
    deadline = time.monotonic() + 60
    while True:
        samples = read(server)
        if expected.items() <= samples.items():
            return samples
        assert time.monotonic() < deadline, {name: samples[name] for name in expected}
        time.sleep(0.02)
