"""A window's tokens → timed text."""

from collections.abc import Sequence
from dataclasses import dataclass

from faster_whisper.tokenizer import Tokenizer

from ..audio import vad
from ..audio.decoder import SAMPLE_RATE
from ..audio.vad import Speech
from ..audio.windows import MARGIN, Window
from ..languages import tokens_per_second

SHORTEST = 0.02
"""Seconds: the resolution of a timestamp token."""

_FEWEST_TOKENS = 0.2
_SHORTEST_PAUSE = 0.4


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


def parted(window: Window, texts: Sequence[TimedText], language: str) -> tuple[Window, Window] | None:
    """The window before and after its longest pause, if its text is too short for all of its speech.

    Of a sentence that is said twice with a pause between, Whisper may write only one. No timestamp shows it.
    """
    if len(texts) != 1 or len(window.speech) < 2:
        return None
    after = max(range(1, len(window.speech)), key=lambda i: _pause(window.speech, i))
    spoken = vad.seconds(window.speech)
    few = spoken * tokens_per_second(language) * _FEWEST_TOKENS
    if len(texts[0].tokens) >= few or _pause(window.speech, after) < _SHORTEST_PAUSE * SAMPLE_RATE:
        return None
    middle = (window.speech[after - 1].end + window.speech[after].start) // 2
    return (
        Window(window.start, middle, window.speech[:after]),
        Window(middle, window.end, window.speech[after:]),
    )


def _pause(speech: Sequence[Speech], i: int) -> int:
    """The samples before the i-th stretch."""
    return speech[i].start - speech[i - 1].end
