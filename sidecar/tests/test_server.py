"""The process: its start, refusals, drain and end."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import httpx
import numpy as np

from sidecar.model.files import Model

from . import gauges, raw
from .process import ROOT, Process
from .test_app import FLAC, failed
from .test_decoder import wav


def test_the_process_reports_listening_and_ready_and_ends_with_its_parent(model: Model) -> None:
    with Process("--exit-with-stdin", MODEL=str(model.directory)) as process:
        failed(httpx.get(f"{process.url}/health"), 503, "healthcheck")
        failed(httpx.post(process.url, content=b"x"), 503, "healthcheck")
        assert process.wait_for("ready")["model"] == model.name
        assert httpx.get(f"{process.url}/health").status_code == 200
        process.close_stdin()
        assert process.exit_code() == 0


def test_an_invalid_setting_stops_the_start_with_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sidecar"],
        cwd=ROOT,
        env={**os.environ, "PORT": "x"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "PORT is 'x'; it takes a whole number from 0 to 65535 (0: any free port)"
    ]


def test_a_model_that_cannot_be_loaded_ends_the_process_with_the_reason() -> None:
    process = Process(MODEL="/nowhere/at/all")
    assert "/nowhere/at/all" in process.wait_for("error")["message"]
    assert process.exit_code() == 1


def test_sigterm_finishes_requests_in_flight_and_refuses_new_ones(model: Model, flac: bytes) -> None:
    settings = {"MODEL": str(model.directory), "IDLE_SECONDS": "600"}
    with Process(**settings) as process, contextlib.ExitStack() as stack:
        process.wait_for("ready")
        stream, *others = (stack.enter_context(raw.connect(process)) for _ in range(3))
        for client in others:
            client.sendall(raw.request("/?language=en", flac)[:-1])
        gauges.wait_for(process, sidecar_requests=2)
        stream.sendall(raw.request("/generate_stream?language=en", flac))
        raw.read_until(stream, b":\n\n")
        process.signal(signal.SIGTERM)
        draining(process)
        failed(httpx.post(process.url, content=flac, headers=FLAC), 503, "healthcheck")
        assert b"London" in raw.read_until(stream, b'"generated_text":"')
        for client in others:
            client.sendall(flac[-1:])
            assert b"London" in raw.read_until(client, b"}")
        assert process.exit_code() == 0


def draining(process: Process) -> None:
    """Waits until the server has received the signal: it is unhealthy from then on."""
    deadline = time.monotonic() + 60
    while (response := httpx.get(f"{process.url}/health")).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    failed(response, 503, "healthcheck")


def test_a_stream_that_outlasts_the_drain_ends_with_an_error_event(model: Model, speech: np.ndarray) -> None:
    with Process(MODEL=str(model.directory), DRAIN_SECONDS="0") as process:
        process.wait_for("ready")
        with raw.connect(process) as client:
            client.sendall(raw.request("/generate_stream", wav(np.concatenate([speech] * 30))))
            raw.read_until(client, b":\n\n")
            process.signal(signal.SIGTERM)
            stream_text = raw.read_until(client, b"0\r\n\r\n")
            assert b'data: {"error":"the server is shutting down","error_type":"healthcheck"}' in stream_text
        assert process.exit_code() == 0


def test_requests_need_the_api_key_if_one_is_set(model: Model, flac: bytes) -> None:
    with Process(MODEL=str(model.directory), API_KEY="secret") as process:
        process.wait_for("ready")
        assert httpx.get(f"{process.url}/health").status_code == 200
        failed(httpx.post(process.url, content=flac, headers=FLAC), 401, "authentication")
        failed(
            httpx.get(f"{process.url}/info", headers={"authorization": "Bearer wrong"}), 401, "authentication"
        )
        key = {**FLAC, "authorization": "Bearer secret"}
        assert httpx.post(process.url, content=flac, headers=key, timeout=60).status_code == 200
