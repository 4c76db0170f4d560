"""Fixtures: the real model and the real process. Without the model, every test that needs it fails."""

# Sets the environment as the process does, before CTranslate2 is loaded.
import sidecar.__main__  # noqa: F401, I001

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from sidecar.inference.encoder import open_encoder
from sidecar.inference.engine import CTranslate2, device_for
from sidecar.model import diarization
from sidecar.model.files import Model, locate
from sidecar.inference.observer import NullObserver
from sidecar.settings import read
from sidecar.audio import decoder
from sidecar.inference.transcribe import Transcriber

from .process import Process

SPEECH = Path(__file__).with_name("speech.flac")
UNBROKEN = Path(__file__).with_name("unbroken.opus")
RECORDINGS = Path(__file__).with_name("recordings")


@pytest.fixture(scope="session")
def model() -> Model:
    settings = read(os.environ)
    return locate(settings.model, settings.model_cache, lambda message, done, total: None)


@pytest.fixture(scope="session")
def tiny_en() -> Model:
    """A second model, for English only."""
    return locate("tiny.en", read(os.environ).model_cache, lambda message, done, total: None)


@pytest.fixture(scope="session")
def diarization_models() -> Path:
    """The directory of the diarization models, which are downloaded once."""
    settings = read(os.environ)
    return diarization.locate(
        settings.diarization_model, settings.model_cache, lambda message, done, total: None
    )


@pytest.fixture(scope="session")
def device() -> str:
    """The device that DEVICE selects; by default a GPU if there is one."""
    return device_for(read(os.environ).device)


@pytest.fixture(scope="session")
def transcriber(model: Model, device: str) -> Iterator[Transcriber]:
    compute_type = read(os.environ).compute_type or ("int8" if device == "cpu" else "float16")
    encoder = None
    if device == "cpu":
        encoder = open_encoder(read(os.environ).encoder, model.weights, compute_type, workers=2, threads=1)
    engine = CTranslate2(
        model.directory, device=device, compute_type=compute_type, workers=2, threads=1, encoder=encoder
    )
    transcriber = Transcriber(engine, model.directory, batch_size=8, workers=2, observer=NullObserver())
    yield transcriber
    transcriber.close()


def samples(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        return np.concatenate(list(decoder.stream(file, longest=60)))


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    """6.4 s: "My sister lives in London with her family. We will meet again in Manchester next summer." """
    return samples(SPEECH)


@pytest.fixture(scope="session")
def unbroken() -> np.ndarray:
    """28.3 s of UNBROKEN_TEXT (test_transcribe.py), spoken by espeak-ng and without its pauses."""
    return samples(UNBROKEN)


@pytest.fixture(scope="session")
def recordings() -> dict[str, np.ndarray]:
    """By language code: one sentence of 2.5 to 4.9 s by a real speaker (recordings/README.md)."""
    return {path.stem: samples(path) for path in sorted(RECORDINGS.glob("*.opus"))}


@pytest.fixture(scope="session")
def flac() -> bytes:
    return SPEECH.read_bytes()


@pytest.fixture(scope="session")
def server(model: Model) -> Iterator[Process]:
    with Process(MODEL=str(model.directory), MAX_INPUT_BYTES="8000000", MAX_AUDIO_SECONDS="200") as process:
        process.wait_for("ready")
        yield process


@pytest.fixture(scope="session")
def client(server: Process) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client
