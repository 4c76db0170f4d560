"""The times of words, from the model's attention over the audio."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from faster_whisper.tokenizer import Tokenizer

from ..audio.decoder import SAMPLE_RATE
from ..audio.windows import Window
from ..languages import with_leading_space
from .engine import Alignment
from .segments import SHORTEST, Segment, Word

_FRAME = 0.02
_OPENING = "\"'“¿([{-"
_CLOSING = "\"'.。,，!！?？:：”)]}、"
_LEVEL = SAMPLE_RATE // 100
_LOUDNESS_RATIO = 10 ** (-24 / 20)
_EARLY_START = 0.02
_EARLY_END = 0.04
_LATE_END = 0.25
_DIP = 3


def timed(alignment: Alignment, tokens: list[int], tokenizer: Tokenizer) -> list[tuple[Word, int]]:
    """Each word of `tokens`, in seconds from the window's start, with its number of tokens."""
    texts, groups = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    texts, groups = texts[:-1], groups[:-1]
    if not groups or not alignment.path:
        return []
    path = np.array(alignment.path)
    moved = np.concatenate([[True], np.diff(path[:, 0]) > 0])
    times = path[moved, 1] * _FRAME
    edges = np.cumsum([0, *map(len, groups)])
    words = []
    for text, group, begin, end in zip(texts, groups, edges[:-1], edges[1:], strict=True):
        start, stop = times[min(begin, len(times) - 1)], times[min(end, len(times) - 1)]
        probability = float(np.mean(alignment.probabilities[begin:end] or [0.0]))
        words.append((Word(float(start), float(stop), text, probability), len(group)))
    return _with_punctuation(words)


def _with_punctuation(words: Sequence[tuple[Word, int]]) -> list[tuple[Word, int]]:
    """Joins separate punctuation marks to the word they belong to. The word keeps its own times."""
    joined: list[tuple[Word, int]] = []
    opening: tuple[Word, int] | None = None
    for word, count in words:
        if opening:
            word, count = replace(word, word=opening[0].word + word.word), count + opening[1]
            opening = None
        mark = word.word.strip()
        if joined and mark and mark in _CLOSING and not word.word.startswith(" "):
            last, token_count = joined[-1]
            joined[-1] = (replace(last, word=last.word + word.word), token_count + count)
        elif mark and mark in _OPENING and word.word.startswith(" "):
            opening = (word, count)
        else:
            joined.append((word, count))
    return [*joined, opening] if opening else joined


def _speech_around(word: Word, window: Window) -> tuple[float, float]:
    """The stretch of speech that the word ends in, in seconds from the window's start. Unlimited if there is
    none."""
    for stretch in window.speech:
        start, end = (stretch.start - window.start) / SAMPLE_RATE, (stretch.end - window.start) / SAMPLE_RATE
        if start < word.end - SHORTEST <= end:
            return start, end
    return -math.inf, math.inf


def placed(word: Word, following: Word | None, window: Window, samples: np.ndarray) -> Word:
    """The word at its sound: moved, because alignment places words too early (bench/accuracy/words.py),
    within its stretch of speech, because alignment extends starts into the pause before, and sharpened.

    Words are in seconds from the window's start, as aligned.
    """
    first, last = _speech_around(word, window)
    start, end = max(word.start + _EARLY_START, first), min(word.end + _EARLY_END, last)
    limit = last if following is None else min(last, following.start)
    return sharpened(replace(word, start=start, end=end), samples, limit)


def sharpened(word: Word, samples: np.ndarray, limit: float) -> Word:
    """Starts and ends the word where its energy is within 24 dB of its peak.

    Alignment extends a word's start back to the end of the previous word, and ends the last word before a
    pause up to a quarter of a second too early. word, limit: in seconds of `samples` (int16). limit: when the
    next word begins, or the speech ends.
    """
    begin = int(word.start * SAMPLE_RATE)
    end = min(int(word.end * SAMPLE_RATE), len(samples))
    own = (end - begin) // _LEVEL
    if own < 2:
        return word
    latest = min(int(min(limit, word.end + _LATE_END) * SAMPLE_RATE), len(samples))
    count = max(own, (latest - begin) // _LEVEL)
    frames = samples[begin : begin + count * _LEVEL].astype(np.float32).reshape(count, _LEVEL)
    levels = np.sqrt((frames**2).mean(axis=1))
    loud = np.flatnonzero(levels >= levels[:own].max() * _LOUDNESS_RATIO)
    last = int(np.searchsorted(loud, own)) - 1
    while loud[last] >= own - 1 - _DIP and last + 1 < len(loud) and loud[last + 1] - loud[last] <= _DIP + 1:
        last += 1
    start = (begin + int(loud[0]) * _LEVEL) / SAMPLE_RATE
    stop = (begin + (int(loud[last]) + 1) * _LEVEL) / SAMPLE_RATE
    return replace(word, start=start, end=max(stop, start + SHORTEST))


def with_words(
    words: Sequence[tuple[Word, int]],
    tokens: Sequence[int],
    segments: Sequence[Segment],
    window: Window,
    samples: np.ndarray,
    *,
    after: float,
) -> list[Segment]:
    """The segments of one window with their words: each word within its segment and after the previous word.

    tokens: tokens per segment. samples: the window's samples. after: seconds before which no word begins. A
    segment begins and ends with its words.
    """
    offset = window.start / SAMPLE_RATE
    last = window.end / SAMPLE_RATE
    edges = np.cumsum(tokens)
    words_by_segment: list[list[Word]] = [[] for _ in segments]
    token_count, at = 0, max(offset, after)
    following = [*(word for word, _ in words[1:]), None]
    for (word, count), next_word in zip(words, following, strict=True):
        segment_index = min(int(np.searchsorted(edges, token_count, side="right")), len(segments) - 1)
        token_count += count
        sound = placed(word, next_word, window, samples)
        start = min(max(offset + sound.start, at), max(last - SHORTEST, at))
        end = max(min(offset + sound.end, last), start + SHORTEST)
        text = (
            word.word
            if words_by_segment[segment_index]
            else with_leading_space(word.word, segments[segment_index].language)
        )
        words_by_segment[segment_index].append(replace(word, word=text, start=start, end=end))
        at = end
    return [
        replace(segment, words=tuple(own), start=own[0].start, end=own[-1].end)
        if own
        else replace(segment, words=())
        for segment, own in zip(segments, words_by_segment, strict=True)
    ]
