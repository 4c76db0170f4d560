"""The routes, over HTTP, against a running process."""

import base64
import concurrent.futures
import os
from typing import Any

import httpx
import numpy as np
import pytest

from sidecar.inference.encoder import is_chosen
from sidecar.model.files import Model
from sidecar.processor import detect
from sidecar.settings import read

from .process import Process
from .test_decoder import wav

FLAC = {"content-type": "audio/flac"}
DETAILS = {"language", "detected_language", "detected_language_probability", "duration", "model"}


def failed(response: httpx.Response, status: int, error_type: str) -> str:
    body: dict[str, str] = response.json()
    assert (response.status_code, body["error_type"]) == (status, error_type)
    assert set(body) == {"error", "error_type"}
    return body["error"]


@pytest.mark.parametrize("path", ["/", "/generate"])
def test_raw_audio_returns_only_its_text(client: httpx.Client, flac: bytes, path: str) -> None:
    response = client.post(path, params={"language": "en"}, content=flac, headers=FLAC)
    assert response.status_code == 200
    assert set(response.json()) == {"text"}
    assert "lives in London" in response.json()["text"]
    for name in ("x-compute-time", "x-queue-time", "x-inference-time", "x-total-time"):
        assert int(response.headers[name]) >= 0


def test_base64_json_with_nested_parameters_returns_chunks(client: httpx.Client, flac: bytes) -> None:
    body = {
        "inputs": base64.b64encode(flac).decode(),
        "parameters": {"return_timestamps": True, "generate_kwargs": {"language": "english"}},
    }
    answer = client.post("/", json=body).json()
    assert set(answer) == {"text", "chunks"}
    assert "".join(chunk["text"] for chunk in answer["chunks"]).strip() == answer["text"]
    assert all(start < end for start, end in (chunk["timestamp"] for chunk in answer["chunks"]))


def test_return_timestamps_word_returns_a_chunk_per_word(client: httpx.Client, flac: bytes) -> None:
    answer = client.post("/", params={"return_timestamps": "word"}, content=flac, headers=FLAC).json()
    assert [chunk["text"].lower() for chunk in answer["chunks"]][:3] == [" my", " sister", " lives"]


def test_details_return_language_duration_model_and_segments(client: httpx.Client, flac: bytes) -> None:
    params = {"details": "true", "words": "true", "language": "auto"}
    answer = client.post("/generate", params=params, content=flac, headers=FLAC).json()
    assert set(answer) == {"text", *DETAILS, "segments"}
    assert (answer["language"], answer["duration"]) == ("en", pytest.approx(6.361, abs=0.01))
    for segment in answer["segments"]:
        assert set(segment) == {
            *(
                "start",
                "end",
                "text",
                "language",
                "avg_logprob",
                "compression_ratio",
                "no_speech_prob",
                "words",
            )
        }
        assert set(segment["words"][0]) == {"start", "end", "word", "probability"}
    plain = client.post("/generate", params={"details": "true"}, content=flac, headers=FLAC).json()
    assert "words" not in plain["segments"][0]


@pytest.mark.parametrize("language", ["auto", "en", "de"])
def test_details_return_the_spoken_language_whatever_language_is_requested(
    client: httpx.Client, recordings: dict[str, np.ndarray], language: str
) -> None:
    params = {"details": "true", "language": language}
    answer = client.post("/", params=params, content=wav(recordings["de"]), headers=FLAC).json()
    assert answer["language"] == ("en" if language == "en" else "de")
    assert answer["detected_language"] == "de"
    assert 0.8 < answer["detected_language_probability"] <= 1
    silence = client.post("/", params=params, content=wav(np.zeros(32_000)), headers=FLAC).json()
    assert (silence["detected_language"], silence["detected_language_probability"]) == (None, None)


def test_silence_returns_an_empty_text(client: httpx.Client) -> None:
    answer = client.post(
        "/?details=true", content=wav(np.zeros(32_000)), headers={"content-type": "audio/wav"}
    ).json()
    assert (answer["text"], answer["segments"], answer["language"]) == ("", [], None)


def test_invalid_requests_return_validation_errors_with_the_reason(client: httpx.Client, flac: bytes) -> None:
    def post(**request: Any) -> str:
        return failed(client.post("/generate", **request), 422, "validation")

    assert "klingon" in post(params={"language": "klingon"}, content=flac, headers=FLAC)
    assert "lnaguage" in post(params={"lnaguage": "en"}, content=flac, headers=FLAC)
    assert "empty" in post(content=b"", headers=FLAC)
    assert "not audio" in post(content=b"no audio at all " * 99, headers=FLAC)
    assert "not JSON" in post(content=b"{", headers={"content-type": "application/json"})
    assert "inputs" in post(json={"parameters": {}})
    assert "base64" in post(json={"inputs": "%%%"})
    assert "multipart" in post(files={"file": flac})


def test_a_body_over_the_limit_is_refused_with_and_without_content_length(client: httpx.Client) -> None:
    large = b"\0" * 8_000_001
    failed(client.post("/", content=large, headers=FLAC), 413, "validation")
    failed(client.post("/", content=iter([large]), headers=FLAC), 413, "validation")
    assert client.get("/health").status_code == 200


def test_audio_over_the_limit_is_refused(client: httpx.Client) -> None:
    silence = wav(np.zeros(201 * 8000), rate=8000)
    assert "MAX_AUDIO_SECONDS" in failed(client.post("/", content=silence, headers=FLAC), 422, "validation")


def test_health_and_info_describe_the_loaded_model(client: httpx.Client, model: Model, device: str) -> None:
    assert client.get("/health").status_code == 200
    info = client.get("/info").json()
    assert info["model_id"] == model.name
    assert info["model_sha"] == model.revision
    assert (info["model_device_type"], info["max_input_bytes"]) == (device, 8_000_000)
    assert {"en", "de", "zh"} <= set(info["languages"])
    assert "yue" not in info["languages"]
    # Known only if the model runs on an x86 processor under Linux.
    assert (info["cpu_gemm"] is None) == (info["cpu_isa"] is None) == (device != "cpu" or not detect().flags)
    chosen = is_chosen(read(os.environ).encoder, model.weights, "int8", detect())
    assert info["cpu_encoder"] == (
        None if info["cpu_isa"] is None else "OpenVINO" if chosen else "CTranslate2"
    )


def test_an_unknown_route_returns_a_json_error(client: httpx.Client) -> None:
    assert "/nothing" in failed(client.get("/nothing"), 404, "validation")


def test_concurrent_requests_all_return_the_same_text(client: httpx.Client, flac: bytes) -> None:
    def ask(_: int) -> str:
        answer: dict[str, str] = client.post(
            "/", params={"language": "en"}, content=flac, headers=FLAC
        ).json()
        return answer["text"]

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(ask, range(6)))) == 1


def test_disconnected_clients_do_not_delay_others(client: httpx.Client, server: Process, flac: bytes) -> None:
    def leave(_: int) -> None:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(server.url, content=flac, headers=FLAC, timeout=httpx.Timeout(10, read=0.02))

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        list(pool.map(leave, range(40)))
    assert "London" in client.post("/", content=flac, headers=FLAC).json()["text"]
