"""Sounds without speech have no words, whatever language and prompt the request names."""

import numpy as np
import pytest

from sidecar.inference.transcribe import Transcriber

from .test_transcribe import music, run, words

RATE = 16_000
LANGUAGES = ("auto", "en", "de", "fr", "es", "it", "pt", "ru", "zh", "ja", "ar")
PROMPT = "Thank you for watching. Please subscribe to the channel."


def noise(seconds: float, rng: np.random.Generator, *, low: float, high: float, slope: float) -> np.ndarray:
    """Between two frequencies, with amplitudes that fall by frequency ** slope; its RMS is 1."""
    count = int(seconds * RATE)
    frequencies = np.fft.rfftfreq(count, 1 / RATE)
    amplitudes = np.where(
        (frequencies >= low) & (frequencies <= high), np.maximum(frequencies, 1) ** -slope, 0
    )
    phases = np.exp(2j * np.pi * rng.random(len(frequencies)))
    samples = np.fft.irfft(amplitudes * phases, count)
    scaled: np.ndarray = samples / np.sqrt(np.mean(samples**2))
    return scaled


def room(rng: np.random.Generator) -> np.ndarray:
    """A ventilator with the hum of the mains."""
    time = np.arange(30 * RATE) / RATE
    hum = np.sin(2 * np.pi * 50 * time) + np.sin(2 * np.pi * 100 * time) / 2
    sound: np.ndarray = 200 * noise(30, rng, low=20, high=7000, slope=1.0) + 60 * hum
    return sound


def breathing(rng: np.random.Generator) -> np.ndarray:
    """A breath in and a longer one out, every 4 s."""
    phase = np.arange(20 * RATE) / RATE % 4
    inward = np.sin(np.pi * np.clip(phase / 1.2, 0, 1)) ** 2
    outward = np.sin(np.pi * np.clip((phase - 1.6) / 1.8, 0, 1)) ** 2
    drawn = noise(20, rng, low=700, high=4000, slope=0.5)
    let_out = noise(20, rng, low=300, high=2500, slope=1.0)
    sound: np.ndarray = 1500 * (inward * drawn + 0.7 * outward * let_out)
    return sound


def tones(rng: np.random.Generator) -> np.ndarray:
    """A ringing phone: two tones for 1 s, then 3 s of silence, and a rising alarm."""
    time = np.arange(12 * RATE) / RATE
    ringing = (np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 480 * time)) * (time % 4 < 1)
    alarm = np.sin(2 * np.pi * (400 * time[: 4 * RATE] + 100 * time[: 4 * RATE] ** 2))
    return 5000 * np.concatenate([ringing, alarm])


def applause(rng: np.random.Generator) -> np.ndarray:
    """30 s of about 60 claps a second, swelling and fading."""
    samples = np.zeros(31 * RATE)
    for at in rng.integers(0, 30 * RATE, 1800):
        length = int(rng.integers(200, 600))
        samples[at : at + length] += rng.normal(size=length) * np.exp(-np.arange(length) / (length / 5))
    return 4000 * samples[: 30 * RATE] * np.sin(np.pi * np.arange(30 * RATE) / (30 * RATE))


SOUNDS = {
    "silence": lambda rng: np.zeros(10 * RATE),
    "room noise": room,
    "breathing": breathing,
    "tones": tones,
    "music": music,
    "applause": applause,
}


@pytest.mark.parametrize("sound", SOUNDS)
def test_a_sound_without_speech_has_no_words(transcriber: Transcriber, sound: str) -> None:
    samples = np.clip(SOUNDS[sound](np.random.default_rng(1)), -32768, 32767).astype(np.int16)
    for language in LANGUAGES:
        assert run(transcriber, samples, language=language).text == "", language
    for quality in ("fast", "best"):
        transcript = run(transcriber, samples, language="en", quality=quality, initial_prompt=PROMPT)
        assert transcript.text == "", quality


def test_a_sentence_said_six_times_is_written_six_times(
    transcriber: Transcriber, recordings: dict[str, np.ndarray]
) -> None:
    sentence = np.concatenate([recordings["en"], np.zeros(RATE // 2, np.int16)])
    for quality in ("fast", "balanced", "best"):
        text = words(run(transcriber, np.tile(sentence, 6), language="en", quality=quality).text)
        assert text.count("can do for your country") == 6, quality
