"""When each word was said, from how the model's attention moved over the audio."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from faster_whisper.tokenizer import Tokenizer

from .audio import SAMPLE_RATE
from .engine import Alignment
from .languages import spaced
from .segments import SHORTEST, Segment, Word
from .windows import Window

_FRAME = 0.02
_OPENING = "\"'“¿([{-"
_CLOSING = "\"'.。,，!！?？:：”)]}、"
_LEVEL = SAMPLE_RATE // 100
_QUIETER = 10 ** (-18 / 20)


def timed(alignment: Alignment, tokens: list[int], tokenizer: Tokenizer) -> list[tuple[Word, int]]:
    """Each word of `tokens`, in seconds from the window's start, with the number of its tokens."""
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
    """Marks that stand alone join the word they belong to; the word keeps its own times."""
    joined: list[tuple[Word, int]] = []
    opening: tuple[Word, int] | None = None
    for word, count in words:
        if opening:
            word, count = replace(word, word=opening[0].word + word.word), count + opening[1]
            opening = None
        mark = word.word.strip()
        if joined and mark and mark in _CLOSING and not word.word.startswith(" "):
            last, counted = joined[-1]
            joined[-1] = (replace(last, word=last.word + word.word), counted + count)
        elif mark and mark in _OPENING and word.word.startswith(" "):
            opening = (word, count)
        else:
            joined.append((word, count))
    return [*joined, opening] if opening else joined


def _out_of_pauses(word: Word, window: Window) -> Word:
    """The word within the stretch of speech that it ends in: an aligned end is right where a start is not.

    word: in seconds from the window's start.
    """
    for stretch in window.speech:
        start, end = (stretch.start - window.start) / SAMPLE_RATE, (stretch.end - window.start) / SAMPLE_RATE
        if start < word.end - SHORTEST <= end:
            return replace(word, start=max(word.start, start), end=min(word.end, end))
    return word


def sharpened(word: Word, samples: np.ndarray) -> Word:
    """Starts and ends where the word's energy comes within 18 dB of its peak.

    Alignment draws a word's start back to the end of the word before it. word: in seconds of `samples` (int16).
    """
    begin, end = int(word.start * SAMPLE_RATE), int(word.end * SAMPLE_RATE)
    count = (end - begin) // _LEVEL
    if count < 2 or end > len(samples):
        return word
    frames = samples[begin : begin + count * _LEVEL].astype(np.float32).reshape(count, _LEVEL)
    levels = np.sqrt((frames**2).mean(axis=1))
    loud = np.flatnonzero(levels >= levels.max() * _QUIETER)
    start = (begin + int(loud[0]) * _LEVEL) / SAMPLE_RATE
    stop = (begin + (int(loud[-1]) + 1) * _LEVEL) / SAMPLE_RATE
    return replace(word, start=start, end=max(stop, start + SHORTEST))


def placed(
    found: Sequence[tuple[Word, int]],
    tokens: Sequence[int],
    segments: Sequence[Segment],
    window: Window,
    heard: np.ndarray,
    *,
    after: float,
) -> list[Segment]:
    """The segments of one window with their words, every word within its segment and none before another.

    tokens: how many each segment has; heard: the window's samples; after: seconds before which no word begins. A
    segment begins and ends with its words.
    """
    offset = window.start / SAMPLE_RATE
    last = window.end / SAMPLE_RATE
    edges = np.cumsum(tokens)
    mine: list[list[Word]] = [[] for _ in segments]
    counted, at = 0, max(offset, after)
    for word, count in found:
        place = min(int(np.searchsorted(edges, counted, side="right")), len(segments) - 1)
        counted += count
        exact = sharpened(_out_of_pauses(word, window), heard)
        start = min(max(offset + exact.start, at), max(last - SHORTEST, at))
        end = max(min(offset + exact.end, last), start + SHORTEST)
        text = word.word if mine[place] else spaced(word.word, segments[place].language)
        mine[place].append(replace(word, word=text, start=start, end=end))
        at = end
    return [
        replace(segment, words=tuple(own), start=own[0].start, end=own[-1].end) if own else replace(segment, words=())
        for segment, own in zip(segments, mine, strict=True)
    ]
