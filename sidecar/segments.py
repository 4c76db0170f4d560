"""A window's tokens → timed text."""

from collections.abc import Sequence
from dataclasses import dataclass

from faster_whisper.tokenizer import Tokenizer

from .audio import SAMPLE_RATE
from .windows import Window

SHORTEST = 0.02
"""Seconds: what a timestamp token counts in."""


@dataclass(frozen=True)
class Word:
    start: float
    end: float
    word: str
    probability: float


@dataclass(frozen=True)
class Segment:
    """Seconds from the beginning of the audio; `text` keeps Whisper's leading space."""

    start: float
    end: float
    text: str
    language: str
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    words: tuple[Word, ...] | None = None


@dataclass(frozen=True)
class Piece:
    """Text between two timestamps, in seconds from the window's start; end None: the window's."""

    start: float
    end: float | None
    tokens: list[int]


def pieces(tokens: Sequence[int], tokenizer: Tokenizer) -> list[Piece]:
    """The text cut at its timestamps; pieces that say nothing are left out."""
    found: list[Piece] = []
    text: list[int] = []
    at = 0.0
    for token in tokens:
        if token >= tokenizer.timestamp_begin:
            time = (token - tokenizer.timestamp_begin) * SHORTEST
            if text:
                found.append(Piece(at, time, text))
                text = []
            at = time
        elif token < tokenizer.eot:
            text.append(token)
    if text:
        found.append(Piece(at, None, text))
    return [piece for piece in found if tokenizer.decode(piece.tokens).strip()]


def spoken_bounds(piece: Piece, window: Window, *, after: float) -> tuple[float, float]:
    """A piece's start and end in the audio: within its window, trimmed to speech, not before `after`."""
    first, last = window.start / SAMPLE_RATE, window.end / SAMPLE_RATE
    start = min(max(first + piece.start, first, after), max(last - SHORTEST, after))
    end = last if piece.end is None else min(first + piece.end, last)
    heard = [s for s in window.speech if s.end > start * SAMPLE_RATE and s.start < end * SAMPLE_RATE]
    if heard:
        start = max(start, heard[0].start / SAMPLE_RATE)
        end = min(end, heard[-1].end / SAMPLE_RATE)
    return start, max(end, start + SHORTEST)


def rest_of(window: Window, found: Sequence[Piece], *, least: float) -> Window | None:
    """What the text leaves out when it ends at a timestamp `least` seconds of speech before the window's does."""
    if not found or found[-1].end is None:
        return None
    start = window.start + int(found[-1].end * SAMPLE_RATE)
    left = tuple(type(s)(max(s.start, start), s.end) for s in window.speech if s.end > start)
    if sum(s.end - s.start for s in left) < least * SAMPLE_RATE or start <= window.start:
        return None
    return Window(max(start, left[0].start - int(0.2 * SAMPLE_RATE)), window.end, left)
