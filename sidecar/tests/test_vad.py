from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np

from sidecar import vad
from sidecar.vad import Detector, Speech, Stretches


def probabilities(samples: np.ndarray, *, block: int = 500_000, pool: Executor | None = None) -> np.ndarray:
    detector = Detector(pool)
    found = [detector.push(samples[at : at + block]) for at in range(0, len(samples), block)]
    return np.concatenate([*found, detector.finish()])


def heard(samples: np.ndarray) -> list[Speech]:
    stretches = Stretches()
    return stretches.push(probabilities(samples)) + stretches.finish(len(samples))


def test_speech_is_found_between_silences(speech: np.ndarray):
    second = np.zeros(16_000, np.int16)
    samples = np.concatenate([second, speech, second])
    found = heard(samples)
    assert 0.7 * 16_000 < found[0].start < 1.4 * 16_000
    assert len(samples) - 1.6 * 16_000 < found[-1].end < len(samples) - 0.7 * 16_000


def test_silence_noise_and_a_tone_hold_no_speech():
    rng = np.random.default_rng(1)
    seconds = np.arange(5 * 16_000) / 16_000
    for samples in (np.zeros(80_000), rng.normal(0, 300, 80_000), 8000 * np.sin(2 * np.pi * 440 * seconds)):
        assert heard(samples.astype(np.int16)) == []


def test_audio_is_judged_as_one_however_it_is_divided(speech: np.ndarray, monkeypatch):
    whole = probabilities(speech)
    assert len(whole) == -(-len(speech) // vad.FRAME)
    assert np.allclose(probabilities(speech, block=777), whole, atol=1e-4)
    monkeypatch.setattr(vad, "_BLOCK", 7)
    assert np.allclose(probabilities(speech), whole, atol=1e-4)


def test_pieces_heard_at_once_lie_where_they_lie_however_the_audio_is_divided(speech: np.ndarray):
    samples = np.tile(speech, 5)
    with ThreadPoolExecutor(2) as pool:
        pieces = probabilities(samples, pool=pool)
        for block in (vad.FRAME * 256, 70_001):
            assert np.allclose(probabilities(samples, block=block, pool=pool), pieces, atol=1e-4)
    whole = probabilities(samples)
    assert len(pieces) == len(whole) > 3 * 256
    assert np.mean((pieces > 0.5) != (whole > 0.5)) < 0.01


def test_a_stretch_that_goes_on_is_told_with_the_earliest_end_it_can_have():
    stretches = Stretches()
    assert stretches.push(np.array([0.1, 0.9, 0.9, 0.9, 0.1], np.float32)) == []
    assert stretches.open == Speech(vad.FRAME, 4 * vad.FRAME)
    assert stretches.push(np.full(4, 0.1, np.float32)) == [Speech(vad.FRAME, 4 * vad.FRAME)]
    assert stretches.open is None
