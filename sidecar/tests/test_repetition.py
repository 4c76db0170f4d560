import numpy as np
import pytest

from sidecar.audio.repetition import period

RATE = 16_000


@pytest.mark.parametrize("pause", [0.15, 0.6, 1.234])
@pytest.mark.parametrize("noise", [0, 30])
def test_a_sound_that_is_played_again_has_a_period(
    recordings: dict[str, np.ndarray], pause: float, noise: float
) -> None:
    for sound in recordings.values():
        silence = np.zeros(int(pause * RATE), np.int16)
        played = np.concatenate([sound, silence, sound, silence]).astype(np.float64)
        played += np.random.default_rng(0).normal(0, noise, len(played))
        found = period(np.clip(played, -32768, 32767).astype(np.int16))
        assert found is not None
        assert abs(found / RATE - (len(sound) / RATE + pause)) < 0.02


def test_a_short_sound_that_is_played_again_has_a_period(recordings: dict[str, np.ndarray]) -> None:
    for sound in recordings.values():
        short, silence = sound[: int(1.51 * RATE)], np.zeros(RATE // 2, np.int16)
        played = np.concatenate([short, silence, short]).astype(np.float64)
        played += np.random.default_rng(0).normal(0, 30, len(played))
        found = period(np.clip(played, -32768, 32767).astype(np.int16))
        assert found is not None
        assert abs(found / RATE - 2.01) < 0.02


def test_speech_and_constant_sound_have_no_period(recordings: dict[str, np.ndarray]) -> None:
    assert [code for code, sound in recordings.items() if period(sound) is not None] == []
    assert period(np.concatenate([recordings["de"], recordings["nl"]])) is None
    assert period(np.zeros(10 * RATE, np.int16)) is None
    assert period(recordings["de"][:1000]) is None
