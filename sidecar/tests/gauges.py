"""What /metrics says, by way of Prometheus's own parser."""

import time

import httpx
from prometheus_client.parser import text_string_to_metric_families

from .process import Process

NOTHING = {"sidecar_requests": 0, "sidecar_queued_seconds": 0, "sidecar_queued_bytes": 0, "tgi_queue_size": 0}


def read(server: Process) -> dict[str, float]:
    """Each sample by its name, the value of its label after a colon."""
    response = httpx.get(f"{server.url}/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            if not sample.name.endswith("_bucket"):
                found[":".join([sample.name, *sample.labels.values()])] = sample.value
    return found


def wait_for(server: Process, **wanted: float) -> dict[str, float]:
    deadline = time.monotonic() + 60
    while True:
        found = read(server)
        if wanted.items() <= found.items():
            return found
        assert time.monotonic() < deadline, {name: found[name] for name in wanted}
        time.sleep(0.02)
