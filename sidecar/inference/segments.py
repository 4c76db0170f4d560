"""A window's tokens → timed text."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from faster_whisper.tokenizer import Tokenizer

from ..audio import repetition, vad
from ..audio.decoder import SAMPLE_RATE
from ..audio.vad import Speech
from ..audio.windows import MARGIN, Window
from ..languages import tokens_per_second

SHORTEST = 0.02
"""Seconds: the resolution of a timestamp token."""

_FEWEST_TOKENS = 0.2
_SHORTEST_PAUSE = 0.4
_COPY_TOLERANCE = 0.3


@dataclass(frozen=True)
class Word:
    start: float
    end: float
    word: str
    probability: float


@dataclass(frozen=True)
class Segment:
    """In seconds from the start of the audio. `text` keeps Whisper's leading space."""

    start: float
    end: float
    text: str
    language: str
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    words: tuple[Word, ...] | None = None


@dataclass(frozen=True)
class TimedText:
    """Text between two timestamps, in seconds from the window's start. `end` None: the window's end."""

    start: float
    end: float | None
    tokens: list[int]


def timed_texts(tokens: Sequence[int], tokenizer: Tokenizer) -> list[TimedText]:
    """The tokens split at timestamps, without texts that hold only spaces."""
    texts: list[TimedText] = []
    text: list[int] = []
    at = 0.0
    for token in tokens:
        if token >= tokenizer.timestamp_begin:
            time = (token - tokenizer.timestamp_begin) * SHORTEST
            if text:
                texts.append(TimedText(at, time, text))
                text = []
            at = time
        elif token < tokenizer.eot:
            text.append(token)
    if text:
        texts.append(TimedText(at, None, text))
    return [timed_text for timed_text in texts if tokenizer.decode(timed_text.tokens).strip()]


def spoken_bounds(timed_text: TimedText, window: Window, *, after: float) -> tuple[float, float]:
    """A text's start and end in the audio: within its window, trimmed to speech, and not before `after`."""
    first, last = window.start / SAMPLE_RATE, window.end / SAMPLE_RATE
    start = min(max(first + timed_text.start, first, after), max(last - SHORTEST, after))
    end = last if timed_text.end is None else min(first + timed_text.end, last)
    speech = [s for s in window.speech if s.end > start * SAMPLE_RATE and s.start < end * SAMPLE_RATE]
    if speech:
        start = max(start, speech[0].start / SAMPLE_RATE)
        end = min(end, speech[-1].end / SAMPLE_RATE)
    return start, max(end, start + SHORTEST)


def remainder_of(window: Window, texts: Sequence[TimedText], *, min_seconds: float) -> Window | None:
    """The rest of the window, if the text's last timestamp leaves at least `min_seconds` of speech."""
    if not texts or texts[-1].end is None:
        return None
    start = window.start + int(texts[-1].end * SAMPLE_RATE)
    speech = tuple(Speech(max(s.start, start), s.end) for s in window.speech if s.end > start)
    if sum(s.end - s.start for s in speech) < min_seconds * SAMPLE_RATE or start <= window.start:
        return None
    return Window(max(start, speech[0].start - int(MARGIN * SAMPLE_RATE)), window.end, speech)


def parted(
    window: Window, texts: Sequence[TimedText], language: str, samples: np.ndarray
) -> tuple[Window, Window] | None:
    """The window before and after one of its pauses, if there is too little text for all of its speech.

    Of a sentence that is said twice with a pause between, Whisper may write only one. No timestamp shows it.

    samples: those of the window.
    """
    if not texts or len(window.speech) < 2:
        return None
    after = _second_copy(window, texts, samples) or _after_short_text(window, texts, language)
    if after is None:
        return None
    middle = (window.speech[after - 1].end + window.speech[after].start) // 2
    return (
        Window(window.start, middle, window.speech[:after]),
        Window(middle, window.end, window.speech[after:]),
    )


def _second_copy(window: Window, texts: Sequence[TimedText], samples: np.ndarray) -> int | None:
    """The stretch at which the same sound begins again, if there are fewer texts than copies of it."""
    if len(texts) >= len(window.speech):
        return None
    period = repetition.period(samples)
    if period is None or len(texts) >= round(len(samples) / period):
        return None
    begin = window.speech[0].start + period
    after = min(range(1, len(window.speech)), key=lambda i: abs(window.speech[i].start - begin))
    return after if abs(window.speech[after].start - begin) <= _COPY_TOLERANCE * SAMPLE_RATE else None


def _after_short_text(window: Window, texts: Sequence[TimedText], language: str) -> int | None:
    """The stretch after the longest pause, if the only text is shorter than that of half of the speech."""
    if len(texts) != 1:
        return None
    after = max(range(1, len(window.speech)), key=lambda i: _pause(window.speech, i))
    few = vad.seconds(window.speech) * tokens_per_second(language) * _FEWEST_TOKENS
    is_short = len(texts[0].tokens) < few
    return after if is_short and _pause(window.speech, after) >= _SHORTEST_PAUSE * SAMPLE_RATE else None


def _pause(speech: Sequence[Speech], i: int) -> int:
    """The samples before the i-th stretch."""
    return speech[i].start - speech[i - 1].end
