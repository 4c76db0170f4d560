"""Who speaks when, with the real models."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np
import pytest

from sidecar.diarization import block, clustering, diarizer
from sidecar.diarization.diarizer import Diarization, Diarizer
from sidecar.diarization.features import HOP
from sidecar.diarization.local_voices import Heard, LocalVoice, local_voices
from sidecar.diarization.models import Models
from sidecar.diarization.segmentation import FRAME, FRAMES
from sidecar.diarization.speech import UNIT, Speech
from sidecar.diarization.windows import Window
from sidecar.model import diarization as files
from sidecar.model.files import Model
from sidecar.openvino_runtime import is_faster
from sidecar.processor import detect

from .process import Process
from .test_app import failed
from .test_decoder import wav

WAV = {"content-type": "audio/wav"}
PAUSE = np.zeros(8_000, np.int16)


@pytest.fixture(scope="module")
def models(diarization_models: Path) -> Models:
    directory = diarization_models
    return Models(directory / files.SEGMENTATION, directory / files.EMBEDDING, workers=1)


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture(scope="module")
def conversation(recordings: dict[str, np.ndarray]) -> np.ndarray:
    """Two speakers take two turns each: A, B, A, B."""
    a, b = recordings["en"], recordings["fr"]
    return np.concatenate([PAUSE, a, PAUSE, b, PAUSE, a, PAUSE, b, PAUSE])


def diarize(models: Models, pool: ThreadPoolExecutor, samples: np.ndarray, block: int) -> Diarization:
    request = Diarizer(models, pool)
    for at in range(0, len(samples), block):
        request.push(samples[at : at + block])
    request.end()
    return request.finish()


@pytest.fixture(scope="module")
def diarization(models: Models, pool: ThreadPoolExecutor, conversation: np.ndarray) -> Diarization:
    return diarize(models, pool, conversation, 160_000)


def test_two_speakers_in_turn_are_two_voices(diarization: Diarization) -> None:
    assert len(diarization.voices) == 2
    turns = diarization.turns
    speakers = [turn.voice for turn in turns]
    changes = [speakers[0]] + [b for a, b in pairwise(speakers) if a != b]
    assert changes == [0, 1, 0, 1]
    for voice in diarization.voices:
        assert np.linalg.norm(voice.embedding) == pytest.approx(1)
        assert voice.seconds > 2


@pytest.mark.skipif(not is_faster(detect()), reason="only with OpenVINO on a processor with bfloat16")
def test_bfloat16_finds_the_turns_and_voices_of_float32(
    diarization_models: Path, pool: ThreadPoolExecutor, conversation: np.ndarray, diarization: Diarization
) -> None:
    networks = diarization_models / files.SEGMENTATION, diarization_models / files.EMBEDDING
    wanted = diarize(Models(*networks, workers=1, exact=True), pool, conversation, 160_000)
    for turn, exact in zip(diarization.turns, wanted.turns, strict=True):
        assert turn.voice == exact.voice
        assert (turn.start, turn.end) == pytest.approx((exact.start, exact.end), abs=0.1)
    for voice, exact_voice in zip(diarization.voices, wanted.voices, strict=True):
        assert voice.embedding @ exact_voice.embedding > 0.99


def test_the_result_does_not_depend_on_how_the_audio_was_divided(
    models: Models, pool: ThreadPoolExecutor, conversation: np.ndarray, diarization: Diarization
) -> None:
    assert diarize(models, pool, conversation, 7_777).turns == diarization.turns


def test_the_embedding_network_hears_speech_once_although_windows_overlap(
    models: Models,
    pool: ThreadPoolExecutor,
    conversation: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[int] = []
    features = models.features

    def counted(mel: np.ndarray) -> np.ndarray:
        heard.append(len(mel) * HOP)
        return features(mel)

    monkeypatch.setattr(models, "features", counted)
    diarize(models, pool, conversation, 160_000)
    assert sum(heard) < 1.1 * len(conversation)


def test_speakers_who_talk_at_once_have_overlapping_turns(
    models: Models, pool: ThreadPoolExecutor, recordings: dict[str, np.ndarray]
) -> None:
    a, b = recordings["en"], recordings["fr"]
    length = max(len(a), len(b))
    both = sum(np.pad(x, (0, length - len(x))).astype(np.int32) for x in (a, b)) // 2
    audio = np.concatenate([a, PAUSE, b, PAUSE, np.asarray(both, np.int16)])
    turns = diarize(models, pool, audio, 160_000).turns
    pairs = [(x, y) for x in turns for y in turns if x.voice < y.voice]
    assert sum(max(0.0, min(x.end, y.end) - max(x.start, y.start)) for x, y in pairs) > 0.5


@pytest.mark.parametrize(
    ("one", "two", "turns"), [(0.3, 0.0, 0), (0.4, 0.0, 1), (0.9, 0.2, 1), (0.9, 0.4, 2)]
)
def test_speech_and_overlaps_count_although_the_windows_are_unsure(
    one: float, two: float, turns: int
) -> None:
    counts = np.tile([one, two], (FRAMES, 1))
    voices = [
        LocalVoice(np.full(FRAMES, speaks), embedding, 5.0)
        for speaks, embedding in zip((one, two), np.eye(2), strict=True)
    ]
    assert len(block.diarize([Window(0, counts, voices), Window(150, counts, voices)])[1]) == turns


def test_a_voice_that_the_segmentation_made_of_two_speakers_is_divided(
    models: Models, recordings: dict[str, np.ndarray]
) -> None:
    def heard(samples: np.ndarray) -> tuple[Speech, Heard]:
        speech = Speech(models, samples[:158_400].astype(np.float32) / 32768)
        units = np.arange(len(speech))
        speech.hear(units)
        frames = np.minimum(units * UNIT // FRAME, FRAMES - 1)
        speaks = (np.arange(FRAMES) <= frames[-1]).astype(np.uint8)
        return speech, Heard(speaks, units, frames, len(units) * UNIT / 16_000)

    a, b = recordings["en"], recordings["fr"]
    speech, mixed = heard(np.concatenate([a, b]))
    parts = local_voices(speech, mixed)
    speech, single = heard(np.concatenate([a, a]))
    [whole] = local_voices(speech, single)
    assert np.array_equal(whole.speaks, single.speaks)
    first, second = sorted(parts, key=lambda part: int(part.speaks.argmax()))
    assert np.array_equal(first.speaks + second.speaks, mixed.speaks)
    assert second.speaks.argmax() * FRAME == pytest.approx(len(a), abs=16_000)


def test_voices_of_the_blocks_of_a_long_recording_are_joined(
    models: Models,
    pool: ThreadPoolExecutor,
    conversation: np.ndarray,
    diarization: Diarization,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(diarizer, "_BLOCK", 20.0)
    monkeypatch.setattr(diarizer, "_LONGEST_BLOCK", 30.0)
    long = diarize(models, pool, np.tile(conversation, 3), 160_000)
    assert len(long.voices) == 2
    spoken = sum(turn.end - turn.start for turn in long.turns)
    once = sum(turn.end - turn.start for turn in diarization.turns)
    assert spoken == pytest.approx(3 * once, rel=0.1)


def test_audio_without_speech_has_no_voices(models: Models, pool: ThreadPoolExecutor) -> None:
    assert diarize(models, pool, np.zeros(40_000, np.int16), 160_000) == Diarization([], [])


def test_clusters_are_limited_in_number() -> None:
    angles = np.array([0.0, 0.1, 1.2, 1.3, 2.8])
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    weights = np.ones(5)
    assert clustering.labels(embeddings, weights, threshold=0.5).tolist() == [0, 0, 1, 1, 2]
    assert clustering.labels(embeddings, weights, threshold=0.5, most=2).tolist() == [0, 0, 0, 0, 1]
    assert clustering.labels(embeddings, weights, threshold=0.5, least=4).max() == 3
    apart = np.zeros((5, 5))
    apart[0, 1] = apart[1, 0] = 1.0
    assert clustering.labels(embeddings, weights, threshold=0.5, apart=apart).max() == 3


def test_a_request_returns_turns_and_voices(speaking: httpx.Client, conversation: np.ndarray) -> None:
    params = {"details": "true", "speakers": "true", "language": "en"}
    answer = speaking.post("/", params=params, content=wav(conversation), headers=WAV).json()
    assert set(answer["diarization"]) == {"turns", "voices"}
    turns, voices = answer["diarization"]["turns"], answer["diarization"]["voices"]
    assert [voice["voice"] for voice in voices] == [0, 1]
    assert all(len(voice["embedding"]) == 192 and voice["seconds"] > 2 for voice in voices)
    assert turns == sorted(turns, key=lambda turn: turn["start"])
    assert all(set(turn) == {"voice", "start", "end"} for turn in turns)
    audio = wav(conversation[: len(conversation) // 2])
    stream = speaking.post("/generate_stream", params=params, content=audio, headers=WAV).text
    assert '"diarization":{"turns":' in stream.strip().splitlines()[-1]
    brief = speaking.post("/", params={"speakers": "true"}, content=audio, headers=WAV).json()
    assert set(brief) == {"text", "diarization"}
    assert len(brief["diarization"]["voices"]) == 2


def test_context_is_heard_but_not_transcribed(
    speaking: httpx.Client, conversation: np.ndarray, recordings: dict[str, np.ndarray]
) -> None:
    before = (len(recordings["en"]) + len(PAUSE)) / 16_000
    after = (len(conversation) - len(PAUSE)) / 16_000 - before - len(recordings["fr"]) / 16_000 - 0.5
    params = {
        "details": "true",
        "speakers": "true",
        "context_before": str(before),
        "context_after": str(after),
    }
    answer = speaking.post("/", params=params, content=wav(conversation), headers=WAV).json()
    assert answer["duration"] == pytest.approx(len(conversation) / 16_000 - before - after, abs=0.01)
    assert all(
        0 <= turn["start"] < turn["end"] <= answer["duration"] for turn in answer["diarization"]["turns"]
    )
    # The speaker of the transcribed part is heard again in the context.
    [voice] = answer["diarization"]["voices"]
    spoken = sum(turn["end"] - turn["start"] for turn in answer["diarization"]["turns"])
    assert voice["seconds"] > 1.5 * spoken
    assert all(segment["start"] >= 0 for segment in answer["segments"])
    params["context_after"] = "30"
    assert "context" in failed(
        speaking.post("/", params=params, content=wav(conversation), headers=WAV), 422, "validation"
    )


def test_the_task_diarize_returns_the_same_speakers_without_text(
    speaking: httpx.Client, conversation: np.ndarray
) -> None:
    params = {"details": "true", "context_before": "2", "context_after": "3", "language": "en"}
    audio = wav(conversation)
    both = speaking.post("/", params={**params, "speakers": "true"}, content=audio, headers=WAV).json()
    answer = speaking.post("/", params={**params, "task": "diarize"}, content=audio, headers=WAV).json()
    assert answer["diarization"] == both["diarization"]
    assert answer["duration"] == both["duration"]
    assert (answer["text"], answer["segments"], answer["language"]) == ("", [], None)
    assert both["text"]
    failed(speaking.post("/", params={"task": "diarize"}, content=b"RIFF", headers=WAV), 422, "validation")


def test_info_names_the_models(speaking: httpx.Client) -> None:
    info = speaking.get("/info").json()
    assert info["diarization"] == "ready"
    assert info["diarization_models"]["segmentation"] == "pyannote/segmentation-3.0"


def test_without_the_models_the_text_is_unaffected(model: Model, recordings: dict[str, np.ndarray]) -> None:
    with Process(MODEL=str(model.directory), DIARIZATION_MODEL="/nowhere") as process:
        process.wait_for("ready")
        with httpx.Client(base_url=process.url, timeout=60) as client:
            params = {"details": "true", "speakers": "true"}
            answer = client.post("/", params=params, content=wav(recordings["en"]), headers=WAV).json()
            assert answer["text"]
            assert answer["diarization"] is None
            assert "/nowhere" in answer["diarization_error"]
            assert client.get("/info").json()["diarization"] == "failed"
            alone = client.post(
                "/", params={"task": "diarize"}, content=wav(recordings["en"]), headers=WAV
            ).json()
            assert (alone["text"], alone["diarization"]) == ("", None)
            assert "/nowhere" in alone["diarization_error"]


@pytest.fixture(scope="module")
def speaking(client: httpx.Client, models: Models) -> httpx.Client:
    """A server that finds the models in its cache."""
    return client
