"""Two models in one process, over HTTP."""

import base64
import concurrent.futures
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from sidecar.model.files import Model

from . import gauges
from .process import Process
from .test_app import FLAC, failed
from .test_decoder import wav

BASE, TINY = "Systran/faster-whisper-base", "Systran/faster-whisper-tiny.en"


@pytest.fixture(scope="module")
def two(model: Model, tiny_en: Model) -> Iterator[Process]:
    models = f"{model.directory}, tiny.en, /nowhere/broken"
    with Process(MODEL="", MODELS=models, CPU_WORKERS="2", MODEL_IDLE_SECONDS="1") as process:
        process.wait_for("ready")
        yield process


@pytest.fixture(scope="module")
def asking(two: Process) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=two.url, timeout=120) as client:
        yield client


FAST = {"details": "true", "quality": "fast", "beam_size": "1"}


def ask(client: httpx.Client, audio: bytes, **params: str) -> dict[str, Any]:
    response = client.post("/", params={**FAST, **params}, content=audio, headers=FLAC)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def described(client: httpx.Client) -> dict[str, dict[str, Any]]:
    return {model["id"]: model for model in client.get("/info").json()["models"]}


def memory(process: Process) -> int:
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4096


def test_info_lists_the_models_with_what_is_known_before_they_are_loaded(asking: httpx.Client) -> None:
    info = asking.get("/info").json()
    assert info["model_id"] == BASE
    base, tiny, broken = info["models"]
    assert (base["id"], base["aliases"], base["default"], base["loaded"]) == (BASE, ["base"], True, True)
    assert base["multilingual"]
    assert base["translate"]
    assert base["languages"] == info["languages"]
    assert (tiny["id"], tiny["aliases"], tiny["default"], tiny["loaded"]) == (TINY, ["tiny.en"], False, False)
    assert (tiny["multilingual"], tiny["languages"], tiny["translate"]) == (False, ["en"], False)
    assert tiny["revision"]
    assert (broken["id"], broken["loaded"], broken["multilingual"]) == ("broken", False, None)


def test_a_request_chooses_a_model_by_id_or_alias(asking: httpx.Client, flac: bytes) -> None:
    for name, model in (("base", BASE), ("tiny.en", TINY), (TINY, TINY), (None, BASE)):
        answer = ask(asking, flac, **({"model": name} if name else {}))
        assert answer["model"] == model
        assert "London" in answer["text"]
    in_base64 = base64.b64encode(flac).decode()
    for body, model in (
        ({"parameters": {"model": "tiny.en", "details": True}}, TINY),
        ({"model": "tiny.en", "parameters": {"details": True}}, TINY),
        # As the clients of Hugging Face's providers may send it.
        ({"model": "openai/whisper-large-v3", "parameters": {"details": True}}, BASE),
    ):
        assert asking.post("/", json={"inputs": in_base64, **body}).json()["model"] == model
    unknown = asking.post("/", params={"model": "tiny"}, content=flac, headers=FLAC)
    assert "tiny.en" in failed(unknown, 422, "validation")


def test_a_model_for_english_refuses_other_languages_and_translation(
    asking: httpx.Client, flac: bytes
) -> None:
    for params in ({"language": "de"}, {"task": "translate"}, {"language": "auto", "languages": "de,fr"}):
        response = asking.post("/", params={"model": "tiny.en", **params}, content=flac, headers=FLAC)
        assert "English" in failed(response, 422, "validation")
    assert ask(asking, flac, model="tiny.en", languages="de,en")["language"] == "en"


def test_a_model_that_fails_to_load_fails_its_own_requests_only(asking: httpx.Client, flac: bytes) -> None:
    response = asking.post("/", params={"model": "broken"}, content=flac, headers=FLAC)
    assert "/nowhere/broken" in failed(response, 503, "model")
    assert int(response.headers["retry-after"]) > 0
    assert asking.get("/health").status_code == 200
    assert ask(asking, flac)["model"] == BASE


def test_texts_under_mixed_load_equal_those_of_each_model_alone(
    asking: httpx.Client, recordings: dict[str, np.ndarray], speech: np.ndarray
) -> None:
    audio = [wav(speech), wav(recordings["en"])]
    jobs = [(sound, model) for sound in audio for model in ("base", "tiny.en")]
    alone = [ask(asking, sound, model=model, language="en")["text"] for sound, model in jobs]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        together = pool.map(lambda job: ask(asking, job[0], model=job[1], language="en")["text"], jobs)
    assert list(together) == alone
    assert alone[2] != alone[3] or alone[0] != alone[1]


def test_a_clip_is_answered_while_another_model_has_a_long_queue(
    asking: httpx.Client, two: Process, flac: bytes, speech: np.ndarray
) -> None:
    long = wav(np.concatenate([speech, np.zeros(16_000, np.int16)] * 8))
    ask(asking, flac, model="tiny.en")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        requests = [pool.submit(ask, asking, long, model="base", language="en") for _ in range(2)]
        queue = f"sidecar_model_queue_size:{BASE}"
        while gauges.read(two)[queue] < 8:
            pass
        assert "London" in ask(asking, flac, model="tiny.en")["text"]
        # The base model has work for long after the clip.
        assert gauges.read(two)[queue] > 0
        assert not any(request.done() for request in requests)
        for request in requests:
            assert request.result()["text"].count("London") == 8


def test_an_idle_model_gives_its_memory_back_and_is_loaded_by_the_next_request(
    asking: httpx.Client, two: Process, flac: bytes
) -> None:
    ask(asking, flac, model="tiny.en")
    loaded, counted = f"sidecar_model_loaded:{TINY}", f"sidecar_model_memory_bytes:{TINY}"
    before = gauges.wait_for(two, **{loaded: 1})[counted]
    held = memory(two)
    gauges.wait_for(two, **{loaded: 0, counted: 0})
    assert held - memory(two) > before / 2
    assert not described(asking)[TINY]["loaded"]
    assert ask(asking, flac, model="tiny.en")["model"] == TINY
    assert described(asking)[BASE]["loaded"]


def test_with_memory_for_one_model_requests_of_two_are_answered_in_turn(
    model: Model, tiny_en: Model, flac: bytes
) -> None:
    models = f"{tiny_en.directory},{model.directory}"
    with Process(MODEL="", MODELS=models, MODEL_MEMORY_BYTES="200000000") as process:
        process.wait_for("ready")
        with httpx.Client(base_url=process.url, timeout=120) as client:
            for name, other in ((BASE, TINY), (TINY, BASE)):
                assert ask(client, flac, model=name)["model"] == name
                assert not described(client)[other]["loaded"]
                assert client.get("/health").status_code == 200
            process.signal(signal.SIGTERM)
            assert process.exit_code() == 0


def test_sigterm_ends_the_process_while_it_loads(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        with Process(MODEL="", MODELS="base", MODEL_CACHE=str(tmp_path), PIP_INDEX_URL=index) as process:
            process.wait_for("progress")
            process.signal(signal.SIGTERM)
            assert process.exit_code() == 0
