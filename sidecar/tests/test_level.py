import numpy as np
import pytest

from sidecar.audio import level


def at_peak(samples: np.ndarray, decibels: float) -> np.ndarray:
    """The samples with this peak, in dB of full scale."""
    scaled: np.ndarray = np.round(samples / np.abs(samples).max() * 32767 * 10 ** (decibels / 20))
    return scaled.astype(np.int16)


def raised(samples: np.ndarray, *, block: int = 500_000) -> np.ndarray:
    return np.concatenate(
        list(level.raised(samples[at : at + block] for at in range(0, len(samples), block)))
    )


def test_a_recording_of_usual_level_is_unchanged(speech: np.ndarray) -> None:
    samples = at_peak(np.tile(speech, 7), -36)
    assert np.array_equal(raised(samples), samples)


def test_a_loud_word_and_the_silence_around_it_are_unchanged(speech: np.ndarray) -> None:
    samples = np.random.default_rng(1).normal(0, 10, 640_000).astype(np.int16)
    samples[320_000:328_000] += speech[4_000:12_000]
    assert np.array_equal(raised(samples)[160_000:480_000], samples[160_000:480_000])


@pytest.mark.parametrize("decibels", [-45, -60, -70])
def test_a_quiet_recording_is_raised_without_clipping(speech: np.ndarray, decibels: float) -> None:
    result = raised(at_peak(np.tile(speech, 4), decibels))
    assert len(result) == 4 * len(speech)
    assert 1_000 < np.abs(result).max() < 32_700


def test_a_click_does_not_keep_speech_quiet_and_does_not_clip(speech: np.ndarray) -> None:
    samples = at_peak(speech, -60)
    samples[50_000:50_100] = -32_768
    result = raised(samples).astype(int)
    assert np.abs(result[:48_000]).max() > 1_000
    assert np.abs(result).max() <= 32_768


def test_a_quiet_part_of_a_loud_recording_is_raised(speech: np.ndarray) -> None:
    samples = np.concatenate([np.tile(speech, 10), at_peak(np.tile(speech, 10), -60)])
    result = raised(samples)
    assert np.array_equal(result[: 9 * len(speech)], samples[: 9 * len(speech)])
    assert np.abs(result[-5 * len(speech) :]).max() > 1_000


def test_the_result_does_not_depend_on_the_block_size(speech: np.ndarray) -> None:
    samples = np.concatenate([at_peak(np.tile(speech, 5), -60), np.tile(speech, 5)])
    whole = raised(samples, block=len(samples))
    for block in (160_000, 70_001, 777):
        assert np.array_equal(raised(samples, block=block), whole)


def test_digital_silence_stays_silent() -> None:
    assert not raised(np.zeros(200_000, np.int16)).any()
