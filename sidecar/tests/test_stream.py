"""Server-sent events, as a client reads them."""

import asyncio
import base64
import json
from typing import Any

import httpx
import numpy as np
import pytest

from sidecar.errors import Cancelled
from sidecar.http.sse import EventStream

from . import gauges, raw, rounding
from .process import Process
from .test_app import DETAILS, FLAC, failed
from .test_decoder import wav

SEGMENT = {"start", "end", "text", "language", "avg_logprob", "compression_ratio", "no_speech_prob"}


def events(text: str) -> list[dict[str, Any]]:
    """The events. Everything but comments must be one line of data and an empty line."""
    blocks = [block for block in text.split("\n\n") if not block.startswith(":")]
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


@pytest.fixture(scope="session")
def readings(speech: np.ndarray) -> bytes:
    """The same two sentences three times, with a second of silence between them."""
    pause = np.zeros(16_000, np.int16)
    return wav(np.concatenate([speech, pause, speech, pause, speech]))


def test_a_stream_sends_segments_in_order_and_then_the_whole_transcript(
    client: httpx.Client, readings: bytes, device: str
) -> None:
    params = {"language": "en", "words": "true"}
    response = client.post("/generate_stream", params=params, content=readings, headers=FLAC)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["x-compute-type"] == device
    *segment_events, last = events(response.text)
    assert [event["index"] for event in (*segment_events, last)] == list(range(1, len(segment_events) + 2))
    for event in segment_events:
        assert set(event) == {"index", "segment", "generated_text", "details"}
        assert (event["generated_text"], event["details"]) == (None, None)
        assert set(event["segment"]) == {*SEGMENT, "words"}
    assert set(last) == {"index", "segment", "generated_text", "details"}
    assert (last["segment"], set(last["details"])) == (None, DETAILS)
    assert "".join(event["segment"]["text"] for event in segment_events).strip() == last["generated_text"]

    answer = client.post(
        "/generate", params={**params, "details": "true"}, content=readings, headers=FLAC
    ).json()
    segments = [event["segment"] for event in segment_events]
    assert rounding.alike(segments, answer.pop("segments"), within=rounding.WORD_TIME)
    assert {"text": last["generated_text"], **last["details"]} == answer


def test_a_segment_is_sent_while_later_ones_are_transcribed(server: Process, speech: np.ndarray) -> None:
    before = gauges.read(server)
    with raw.connect(server) as client:
        client.sendall(raw.request("/generate_stream", wav(np.concatenate([speech] * 30))))
        raw.read_until(client, b'data: {"index":1,"segment":{')
        samples = gauges.read(server)
    assert samples["sidecar_requests"] == 1
    assert samples["tgi_request_success_total"] == before["tgi_request_success_total"]
    assert 0 < samples["sidecar_queued_seconds"] < 191
    gauges.wait_for(server, **gauges.IDLE)


def test_the_last_event_has_the_requested_chunks(client: httpx.Client, flac: bytes) -> None:
    params = {"return_timestamps": "true"}
    *segment_events, last = events(
        client.post("/generate_stream", params=params, content=flac, headers=FLAC).text
    )
    assert [chunk["text"] for chunk in last["chunks"]] == [
        event["segment"]["text"] for event in segment_events
    ]
    assert "words" not in segment_events[0]["segment"]


def test_silence_sends_only_the_last_event(client: httpx.Client) -> None:
    (only,) = events(client.post("/generate_stream", content=wav(np.zeros(32_000)), headers=FLAC).text)
    assert (only["index"], only["generated_text"], only["details"]["language"]) == (1, "", None)


def test_an_error_before_the_stream_has_its_own_status(client: httpx.Client, flac: bytes) -> None:
    def post(status: int, **request: Any) -> str:
        return failed(client.post("/generate_stream", **request), status, "validation")

    assert "klingon" in post(422, params={"language": "klingon"}, content=flac, headers=FLAC)
    assert "not audio" in post(422, content=b"no audio at all " * 99, headers=FLAC)
    assert "MAX_AUDIO_SECONDS" in post(422, content=wav(np.zeros(201 * 8000), rate=8000), headers=FLAC)
    post(413, content=b"\0" * 8_000_001, headers=FLAC)


def test_an_error_during_the_stream_ends_it(client: httpx.Client) -> None:
    response = client.post("/generate_stream", content=wav(np.zeros(0)), headers=FLAC)
    assert response.status_code == 200
    assert events(response.text) == [{"error": "the body holds no audio samples", "error_type": "validation"}]


def test_a_client_that_stops_reading_cancels_its_request(server: Process, speech: np.ndarray) -> None:
    before = gauges.read(server)
    with raw.connect(server) as client:
        client.sendall(raw.request("/generate_stream?language=en", wav(np.concatenate([speech] * 30))))
        raw.read_until(client, b":\n\n")
    after = gauges.wait_for(server, **gauges.IDLE)
    assert after["tgi_request_failure_total:cancelled"] == before["tgi_request_failure_total:cancelled"] + 1
    assert after["tgi_request_success_total"] == before["tgi_request_success_total"]


def test_a_client_that_disconnects_while_sending_is_cancelled(server: Process, readings: bytes) -> None:
    before = gauges.read(server)
    with raw.connect(server) as client:
        client.sendall(raw.request("/generate_stream", readings)[:-1])
        gauges.wait_for(server, sidecar_requests=1, sidecar_queued_bytes=len(readings))
    after = gauges.wait_for(server, **gauges.IDLE)
    assert after["tgi_request_failure_total:cancelled"] == before["tgi_request_failure_total:cancelled"] + 1
    assert after["sidecar_audio_seconds_total"] == before["sidecar_audio_seconds_total"]


def test_a_stream_takes_parameters_in_json(client: httpx.Client, flac: bytes) -> None:
    body = {"inputs": base64.b64encode(flac).decode(), "parameters": {"language": "en", "words": True}}
    segment_events = events(client.post("/generate_stream", json=body).text)
    assert segment_events[0]["segment"]["words"]


def test_a_client_that_does_not_read_is_cancelled() -> None:
    async def full(message: object) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Cancelled):
        asyncio.run(EventStream(full, idle=0.01).comment())
