"""A block of windows → its voices and their turns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from ..audio.decoder import SAMPLE_RATE
from . import clustering
from .local_voices import LocalVoice
from .segmentation import FIRST_FRAME, FRAME, FRAMES, VOICES
from .windows import Window

_THRESHOLD = 0.55
"""Cosine distance from which on two clusters are two speakers."""

_SPEECH = 0.35
"""Probability from which on somebody speaks. Windows that overlap differ, so their mean is below one half in
speech too."""

_TWO = 0.3
"""Probability from which on two speak."""

_APART = 0.5
_MIN_CLEAN_SECONDS = 1.0
_MAX_WEIGHT = 10.0
_MIN_WEIGHT = 0.2
_IMPORTANCE = np.hamming(FRAMES) + 0.01


@dataclass(frozen=True)
class Turn:
    """`start`, `end`: seconds."""

    voice: int
    start: float
    end: float


@dataclass(frozen=True, eq=False)
class Voice:
    """`embedding`: of unit length. `seconds`: of speech without another voice."""

    seconds: float
    embedding: np.ndarray


def diarize(windows: Sequence[Window]) -> tuple[list[Voice], list[Turn]]:
    """The voices, and their turns in order of voices."""
    centroids = _centroids(windows)
    if not len(centroids):
        return [], []
    scores, counts = _averages(windows, centroids)
    speaking = _speaking(scores, (counts[:, 0] > _SPEECH).astype(int) + (counts[:, 1] > _TWO))
    # The length of a voice is of speech that is more probable than not.
    certain = _speaking(scores, (counts > 0.5).sum(axis=1))
    alone = certain & (certain.sum(axis=0) == 1)
    first = windows[0].start
    voices, turns = [], []
    for voice, centroid in enumerate(centroids):
        seconds = float(alone[voice].sum()) * FRAME / SAMPLE_RATE
        voices.append(Voice(seconds, centroid))
        turns += [
            Turn(voice, _second(first + on), _second(first + off)) for on, off in _runs(speaking[voice])
        ]
    return voices, turns


def clipped(turns: Sequence[Turn], start: float, end: float) -> list[Turn]:
    """The parts of turns between two times."""
    return [
        replace(turn, start=max(turn.start, start), end=min(turn.end, end))
        for turn in turns
        if turn.start < end and turn.end > start
    ]


def _centroids(windows: Sequence[Window]) -> np.ndarray:
    """The embedding of each speaker, from the local voices that speak long enough on their own."""
    voices = [(number, voice) for number, window in enumerate(windows) for voice in window.voices]
    if not voices:
        return np.zeros((0, 0))
    clean = [pair for pair in voices if pair[1].seconds >= _MIN_CLEAN_SECONDS]
    chosen = clean or [max(voices, key=lambda pair: pair[1].seconds)]
    numbers = np.array([number for number, _ in chosen])
    embeddings = np.stack([voice.embedding for _, voice in chosen])
    weights = np.clip([voice.seconds for _, voice in chosen], _MIN_WEIGHT, _MAX_WEIGHT)
    # The segmentation separates the voices of a window, so they are less probably one speaker.
    apart = _APART * (numbers[:, None] == numbers)
    labels = clustering.labels(embeddings, weights, threshold=_THRESHOLD, apart=apart)
    return clustering.centroids(embeddings, weights, labels)


def _assigned(voices: Sequence[LocalVoice], centroids: np.ndarray) -> Sequence[int]:
    """The speaker of each voice of a window: the assignment with the largest total similarity, in which two
    voices are two speakers if there are enough."""
    similarity = np.stack([voice.embedding for voice in voices]) @ centroids.T
    if len(voices) > len(centroids):
        return [int(number) for number in similarity.argmax(axis=1)]
    if len(voices) > VOICES:
        return _one_by_one(similarity)
    rows = range(len(voices))
    # Only the nearest speakers of each voice can be in the best assignment.
    nearest = sorted({int(number) for row in similarity for number in np.argsort(-row)[:VOICES]})
    return max(
        permutations(nearest, len(voices)),
        key=lambda numbers: sum(similarity[r, n] for r, n in zip(rows, numbers, strict=True)),
    )


def _one_by_one(similarity: np.ndarray) -> Sequence[int]:
    """The most similar pair first: there are too many assignments to try them all."""
    left = similarity.copy()
    numbers = [0] * len(left)
    for _ in numbers:
        row, number = divmod(int(left.argmax()), left.shape[1])
        numbers[row] = number
        left[row] = left[:, number] = -np.inf
    return numbers


def _averages(windows: Sequence[Window], centroids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The probability that each speaker speaks [speakers, frames], and that at least one and two speak
    [frames, 2]. Where windows overlap, they are averaged; frames near the middle of a window count more."""
    first = windows[0].start
    total = windows[-1].start - first + FRAMES
    scores = np.zeros((len(centroids), total))
    counts, importance = np.zeros((total, 2)), np.zeros(total)
    for window in windows:
        frames = slice(window.start - first, window.start - first + FRAMES)
        importance[frames] += _IMPORTANCE
        counts[frames] += _IMPORTANCE[:, None] * window.counts
        speaks = np.zeros((len(centroids), FRAMES))
        if window.voices:
            for voice, number in zip(window.voices, _assigned(window.voices, centroids), strict=True):
                speaks[number] = np.maximum(speaks[number], voice.speaks)
        scores[:, frames] += _IMPORTANCE * speaks
    importance = np.maximum(importance, 1e-9)
    return scores / importance, counts / importance[:, None]


def _speaking(scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The most probable speakers of each frame, as many as speak there: bool [speakers, frames]."""
    ranks = np.argsort(np.argsort(-scores, axis=0, kind="stable"), axis=0)
    speaking: np.ndarray = (ranks < counts) & (scores > 0)
    return speaking


def _runs(speaking: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], speaking.astype(np.int8), [0]])))
    return [(int(on), int(off)) for on, off in edges.reshape(-1, 2)]


def _second(frame: int) -> float:
    return (frame * FRAME + FIRST_FRAME) / SAMPLE_RATE
