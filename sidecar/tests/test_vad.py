import numpy as np

from sidecar import vad


def test_speech_is_found_between_silences(speech: np.ndarray):
    second = np.zeros(16_000, np.int16)
    samples = np.concatenate([second, speech, second])
    found = vad.stretches(vad.probabilities(samples), len(samples))
    assert 0.7 * 16_000 < found[0].start < 1.4 * 16_000
    assert len(samples) - 1.6 * 16_000 < found[-1].end < len(samples) - 0.7 * 16_000


def test_silence_noise_and_a_tone_hold_no_speech():
    rng = np.random.default_rng(1)
    seconds = np.arange(5 * 16_000) / 16_000
    for samples in (np.zeros(80_000), rng.normal(0, 300, 80_000), 8000 * np.sin(2 * np.pi * 440 * seconds)):
        taken = samples.astype(np.int16)
        assert vad.stretches(vad.probabilities(taken), len(taken)) == []


def test_a_long_file_is_judged_as_one_whatever_the_block(speech: np.ndarray, monkeypatch):
    whole = vad.probabilities(speech)
    monkeypatch.setattr(vad, "_BLOCK", 7)
    assert np.allclose(vad.probabilities(speech), whole, atol=1e-4)
