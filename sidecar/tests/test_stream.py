"""Server-sent events, as a client reads them."""

import asyncio
import base64
import json

import numpy as np
import pytest

from sidecar.errors import Cancelled
from sidecar.sse import EventStream

from . import gauges, raw, rounding
from .test_app import FLAC, failed
from .test_audio import wav

SEGMENT = {"start", "end", "text", "language", "avg_logprob", "compression_ratio", "no_speech_prob"}


def events(text: str) -> list[dict]:
    """Everything but comments is one line of data and an empty line."""
    blocks = [block for block in text.split("\n\n") if not block.startswith(":")]
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


@pytest.fixture(scope="session")
def readings(speech: np.ndarray) -> bytes:
    """The same two sentences three times, with a second of silence between them."""
    pause = np.zeros(16_000, np.int16)
    return wav(np.concatenate([speech, pause, speech, pause, speech]))


def test_segments_come_in_order_and_then_the_whole(client, readings, device):
    params = {"language": "en", "words": "true"}
    response = client.post("/generate_stream", params=params, content=readings, headers=FLAC)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["x-compute-type"] == device
    *told, last = events(response.text)
    assert [event["index"] for event in (*told, last)] == list(range(1, len(told) + 2))
    for event in told:
        assert set(event) == {"index", "segment", "generated_text", "details"}
        assert (event["generated_text"], event["details"]) == (None, None)
        assert set(event["segment"]) == {*SEGMENT, "words"}
    assert set(last) == {"index", "segment", "generated_text", "details"}
    assert (last["segment"], set(last["details"])) == (None, {"language", "duration", "model"})
    assert "".join(event["segment"]["text"] for event in told).strip() == last["generated_text"]

    whole = client.post("/generate", params={**params, "details": "true"}, content=readings, headers=FLAC).json()
    segments = [event["segment"] for event in told]
    assert rounding.alike(segments, whole.pop("segments"), within=rounding.WORD_TIME)
    assert {"text": last["generated_text"], **last["details"]} == whole


def test_a_segment_is_told_while_later_ones_are_worked_on(server, speech):
    before = gauges.read(server)
    with raw.connect(server) as client:
        client.sendall(raw.request("/generate_stream", wav(np.concatenate([speech] * 30))))
        raw.read_until(client, b'data: {"index":1,"segment":{')
        found = gauges.read(server)
    assert found["sidecar_requests"] == 1
    assert found["tgi_request_success_total"] == before["tgi_request_success_total"]
    assert 0 < found["sidecar_queued_seconds"] < 191
    gauges.wait_for(server, **gauges.NOTHING)


def test_the_last_event_has_the_chunks_that_were_asked_for(client, flac):
    params = {"return_timestamps": "true"}
    *told, last = events(client.post("/generate_stream", params=params, content=flac, headers=FLAC).text)
    assert [chunk["text"] for chunk in last["chunks"]] == [event["segment"]["text"] for event in told]
    assert "words" not in told[0]["segment"]


def test_silence_is_a_whole_without_segments(client):
    (only,) = events(client.post("/generate_stream", content=wav(np.zeros(32_000)), headers=FLAC).text)
    assert (only["index"], only["generated_text"], only["details"]["language"]) == (1, "", None)


def test_what_is_wrong_before_the_stream_has_its_status(client, flac):
    def post(status: int, **request) -> str:
        return failed(client.post("/generate_stream", **request), status, "validation")

    assert "klingon" in post(422, params={"language": "klingon"}, content=flac, headers=FLAC)
    assert "not audio" in post(422, content=b"no audio at all " * 99, headers=FLAC)
    assert "MAX_AUDIO_SECONDS" in post(422, content=wav(np.zeros(201 * 8000), rate=8000), headers=FLAC)
    post(413, content=b"\0" * 8_000_001, headers=FLAC)


def test_what_turns_out_wrong_later_ends_the_stream(client):
    response = client.post("/generate_stream", content=wav(np.zeros(0)), headers=FLAC)
    assert response.status_code == 200
    assert events(response.text) == [{"error": "the body holds no audio samples", "error_type": "validation"}]


def test_a_reader_that_leaves_ends_the_work(server, speech):
    before = gauges.read(server)
    with raw.connect(server) as client:
        client.sendall(raw.request("/generate_stream?language=en", wav(np.concatenate([speech] * 30))))
        raw.read_until(client, b":\n\n")
    after = gauges.wait_for(server, **gauges.NOTHING)
    assert after["tgi_request_failure_total:cancelled"] == before["tgi_request_failure_total:cancelled"] + 1
    assert after["tgi_request_success_total"] == before["tgi_request_success_total"]


def test_a_sender_that_leaves_is_forgotten(server, readings):
    before = gauges.read(server)
    with raw.connect(server) as client:
        client.sendall(raw.request("/generate_stream", readings)[:-1])
        gauges.wait_for(server, sidecar_requests=1, sidecar_queued_bytes=len(readings))
    after = gauges.wait_for(server, **gauges.NOTHING)
    assert after["tgi_request_failure_total:cancelled"] == before["tgi_request_failure_total:cancelled"] + 1
    assert after["sidecar_audio_seconds_total"] == before["sidecar_audio_seconds_total"]


def test_it_asks_for_parameters_in_json_too(client, flac):
    body = {"inputs": base64.b64encode(flac).decode(), "parameters": {"language": "en", "words": True}}
    told = events(client.post("/generate_stream", json=body).text)
    assert told[0]["segment"]["words"]


def test_a_reader_that_does_not_read_is_given_up():
    async def full(message: object) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Cancelled):
        asyncio.run(EventStream(full, idle=0.01).comment())
