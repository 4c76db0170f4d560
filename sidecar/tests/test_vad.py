from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
import pytest

from sidecar.audio import silero, vad
from sidecar.audio.vad import Detector, Speech, SpeechSegmenter
from sidecar.openvino_runtime import is_faster
from sidecar.processor import detect


def probabilities(samples: np.ndarray, *, block: int = 500_000, pool: Executor | None = None) -> np.ndarray:
    detector = Detector(pool)
    blocks = [detector.push(samples[at : at + block]) for at in range(0, len(samples), block)]
    return np.concatenate([*blocks, detector.finish()])


def speech_in(samples: np.ndarray) -> list[Speech]:
    stretches = SpeechSegmenter()
    return stretches.push(probabilities(samples)) + stretches.finish(len(samples))


def test_speech_is_detected_between_silences(speech: np.ndarray) -> None:
    second = np.zeros(16_000, np.int16)
    samples = np.concatenate([second, speech, second])
    stretches = speech_in(samples)
    assert 0.7 * 16_000 < stretches[0].start < 1.4 * 16_000
    assert len(samples) - 1.6 * 16_000 < stretches[-1].end < len(samples) - 0.7 * 16_000


def test_silence_noise_and_a_tone_are_not_speech() -> None:
    rng = np.random.default_rng(1)
    seconds = np.arange(5 * 16_000) / 16_000
    for samples in (np.zeros(80_000), rng.normal(0, 300, 80_000), 8000 * np.sin(2 * np.pi * 440 * seconds)):
        assert speech_in(samples.astype(np.int16)) == []


def test_probabilities_do_not_depend_on_the_block_size(
    speech: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = probabilities(speech)
    assert len(whole) == -(-len(speech) // vad.FRAME)
    assert np.allclose(probabilities(speech, block=777), whole, atol=1e-4)
    monkeypatch.setattr(vad, "_BLOCK", 7)
    assert np.allclose(probabilities(speech), whole, atol=1e-4)


def test_parallel_chunks_do_not_depend_on_the_block_size(speech: np.ndarray) -> None:
    samples = np.tile(speech, 5)
    with ThreadPoolExecutor(2) as pool:
        chunks = probabilities(samples, pool=pool)
        for block in (vad.FRAME * 256, 70_001):
            assert np.allclose(probabilities(samples, block=block, pool=pool), chunks, atol=1e-4)
    whole = probabilities(samples)
    assert len(chunks) == len(whole) > 3 * 256
    assert np.mean((chunks > 0.5) != (whole > 0.5)) < 0.01


@pytest.mark.skipif(not is_faster(detect()), reason="only with OpenVINO on a processor with bfloat16")
def test_both_libraries_find_the_same_probabilities(
    recordings: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = np.concatenate([*recordings.values()])
    monkeypatch.setattr(vad, "network", silero.on_openvino)
    found = probabilities(samples, block=30 * 16_000)
    monkeypatch.setattr(vad, "network", silero.on_onnx_runtime)
    assert len(found) > 512
    assert np.allclose(found, probabilities(samples, block=30 * 16_000), atol=1e-4)


def faint_stretches(*runs: tuple[float, int]) -> list[Speech]:
    """runs: probabilities and numbers of frames."""
    segmenter = SpeechSegmenter()
    probability = np.concatenate([np.full(count, p, np.float32) for p, count in runs])
    ended = segmenter.push(probability) + segmenter.finish(len(probability) * vad.FRAME)
    return [stretch for stretch in ended if stretch.faint]


def test_a_soft_word_before_a_pause_is_detected(recordings: dict[str, np.ndarray]) -> None:
    word, rest = recordings["de"][:6_000] * 0.05, recordings["de"][6_000:]
    samples = np.concatenate([np.zeros(16_000), word, np.zeros(4_800), rest])
    samples += np.random.default_rng(0).normal(0, 30, len(samples))
    first, *_ = speech_in(samples.astype(np.int16))
    assert first.faint
    assert 16_000 - vad.FRAME <= first.start < first.end <= 22_000 + vad.FRAME


def test_faint_speech_close_to_speech_is_a_stretch() -> None:
    before = faint_stretches((0.02, 10), (0.4, 8), (0.05, 10), (0.9, 20), (0.02, 40))
    assert before == [Speech(10 * vad.FRAME, 18 * vad.FRAME, faint=True)]
    after = faint_stretches((0.02, 10), (0.9, 20), (0.02, 10), (0.4, 8), (0.02, 40))
    assert after == [Speech(40 * vad.FRAME, 48 * vad.FRAME, faint=True)]


def test_faint_speech_far_from_speech_or_very_short_is_left_out() -> None:
    assert faint_stretches((0.02, 10), (0.49, 20), (0.02, 10)) == []
    assert faint_stretches((0.02, 10), (0.4, 8), (0.05, 20), (0.9, 20), (0.02, 20), (0.4, 8)) == []
    assert faint_stretches((0.02, 10), (0.4, 4), (0.05, 10), (0.9, 20)) == []
    assert faint_stretches((0.02, 10), (0.4, 8), (0.05, 10), (0.9, 2), (0.02, 20)) == []


def test_an_open_stretch_is_reported_with_its_earliest_end() -> None:
    stretches = SpeechSegmenter()
    assert stretches.push(np.array([0.1, 0.9, 0.9, 0.9, 0.1], np.float32)) == []
    assert stretches.open == Speech(vad.FRAME, 4 * vad.FRAME)
    assert stretches.push(np.full(4, 0.1, np.float32)) == [Speech(vad.FRAME, 4 * vad.FRAME)]
    assert stretches.open is None
