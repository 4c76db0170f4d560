"""Each limit, over HTTP: a request over it is refused with Retry-After, and accepted again later."""

import contextlib
import re
import time
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from sidecar.model.files import Model

from . import gauges, raw
from .process import Process
from .test_app import FLAC, failed
from .test_decoder import wav


@contextlib.contextmanager
def started(model: Model, **settings: str) -> Iterator[Process]:
    with Process(MODEL=str(model.directory), **settings) as process:
        process.wait_for("ready")
        yield process


@pytest.fixture(scope="module")
def small_queue(model: Model) -> Iterator[Process]:
    with started(model, MAX_QUEUED_BYTES="950000", MAX_QUEUED_SECONDS="60") as server:
        yield server


def refused(server: Process, flac: bytes, setting: str) -> None:
    for path in ("/generate", "/generate_stream"):
        response = httpx.post(f"{server.url}{path}", content=flac, headers=FLAC, timeout=60)
        assert setting in failed(response, 429, "overloaded")
        assert int(response.headers["retry-after"]) > 0


def accepted(server: Process, flac: bytes) -> None:
    gauges.wait_for(server, **gauges.IDLE)
    assert httpx.post(server.url, content=flac, headers=FLAC, timeout=60).status_code == 200


def test_requests_over_max_concurrent_requests_are_refused(model: Model, flac: bytes) -> None:
    with started(model, MAX_CONCURRENT_REQUESTS="1") as server:
        with raw.connect(server) as client:
            client.sendall(raw.head("/", "content-length: 9"))
            gauges.wait_for(server, sidecar_requests=1)
            refused(server, flac, "MAX_CONCURRENT_REQUESTS")
            body = b"\0" * 50_000_000
            # The response also reaches a client that is still sending.
            assert httpx.post(server.url, content=body, headers=FLAC, timeout=60).status_code == 429
            assert httpx.post(server.url, content=iter([body]), headers=FLAC, timeout=60).status_code == 429
        accepted(server, flac)


@pytest.mark.parametrize("length", ["content-length: 900000", "transfer-encoding: chunked"])
def test_bytes_over_max_queued_bytes_are_refused(small_queue: Process, flac: bytes, length: str) -> None:
    with raw.connect(small_queue) as client:
        client.sendall(raw.head("/", length))
        if "chunked" in length:
            client.sendall(b"%x\r\n" % 900_000 + b"\0" * 900_000 + b"\r\n")
        gauges.wait_for(small_queue, sidecar_queued_bytes=900_000)
        refused(small_queue, flac, "MAX_QUEUED_BYTES")
    accepted(small_queue, flac)


def test_seconds_over_max_queued_seconds_are_refused(
    small_queue: Process, flac: bytes, speech: np.ndarray
) -> None:
    with raw.connect(small_queue) as client:
        client.sendall(raw.request("/generate_stream", wav(np.concatenate([speech] * 60))))
        raw.read_until(client, b":\n\n")
        refused(small_queue, flac, "MAX_QUEUED_SECONDS")
        samples = gauges.read(small_queue)
        assert 60 < samples["sidecar_queued_seconds"] < 382
    accepted(small_queue, flac)


def test_a_stalled_body_is_refused_and_a_slow_one_is_accepted(model: Model, flac: bytes) -> None:
    with started(model, IDLE_SECONDS="2", MAX_CONCURRENT_REQUESTS="1") as server:
        for path in ("/", "/generate_stream"):
            with raw.connect(server) as client:
                client.sendall(raw.request(path, flac)[:-1])
                answer = raw.read_until(client, b"}")
                assert answer.startswith(b"HTTP/1.1 408 ")
                assert re.search(rb'"error":".*IDLE_SECONDS.*","error_type":"validation"}$', answer)
        accepted(server, flac)
        with raw.connect(server) as client:
            request = raw.request("/", flac)
            step = len(request) // 9
            for begin in range(0, len(request), step):
                client.sendall(request[begin : begin + step])
                time.sleep(0.25)
            assert raw.read_until(client, b"}").startswith(b"HTTP/1.1 200 ")
