"""Diarization error rate with overlap and without a collar, and words with the right speaker."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from .corpora import Reference

_STEP = 0.01


@dataclass(frozen=True)
class Score:
    """Seconds, speakers and words. Scores add up."""

    missed: float = 0.0
    false_alarm: float = 0.0
    confused: float = 0.0
    speech: float = 0.0
    words: int = 0
    right_words: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(*(a + b for a, b in zip(self._fields, other._fields, strict=True)))

    @property
    def _fields(self) -> tuple[Any, ...]:
        return (
            *(self.missed, self.false_alarm, self.confused, self.speech),
            *(self.words, self.right_words),
        )

    @property
    def error_rate(self) -> float:
        return (self.missed + self.false_alarm + self.confused) / self.speech


def score(
    reference: Sequence[Reference],
    found: Sequence[Reference],
    words: Sequence[tuple[float, float]],
    seconds: float,
) -> Score:
    """words: start and end of each. Only words within the turn of one speaker count."""
    truth, guess = _frames(reference, seconds), _frames(found, seconds)
    together = (truth[:, None] & guess[None]).sum(axis=2)
    rows, columns = linear_sum_assignment(-together)
    real, heard = truth.sum(axis=0), guess.sum(axis=0)
    matched = together[rows, columns].sum()
    right, counted = _words(reference, found, words)
    return Score(
        missed=float(np.maximum(real - heard, 0).sum()) * _STEP,
        false_alarm=float(np.maximum(heard - real, 0).sum()) * _STEP,
        confused=float(np.minimum(real, heard).sum() - matched) * _STEP,
        speech=float(real.sum()) * _STEP,
        words=counted,
        right_words=right,
    )


def speaker_at(turns: Sequence[Reference], start: float, end: float) -> str | None:
    """The speaker of most of a word; of the nearest turn if nobody speaks."""
    if not turns:
        return None
    overlaps: dict[str, float] = {}
    for turn in turns:
        overlap = min(turn.end, end) - max(turn.start, start)
        if overlap > 0:
            overlaps[turn.speaker] = overlaps.get(turn.speaker, 0.0) + overlap
    if overlaps:
        return max(overlaps, key=lambda speaker: overlaps[speaker])
    return min(turns, key=lambda turn: max(turn.start - end, start - turn.end)).speaker


def _frames(turns: Sequence[Reference], seconds: float) -> np.ndarray:
    names = sorted({turn.speaker for turn in turns})
    frames = np.zeros((max(1, len(names)), round(seconds / _STEP)), bool)
    for turn in turns:
        frames[
            names.index(turn.speaker),
            max(0, round(turn.start / _STEP)) : round(turn.end / _STEP),
        ] = True
    return frames


def _words(
    reference: Sequence[Reference],
    found: Sequence[Reference],
    words: Sequence[tuple[float, float]],
) -> tuple[int, int]:
    pairs = []
    for start, end in words:
        middle = (start + end) / 2
        speakers = {turn.speaker for turn in reference if turn.start <= middle < turn.end}
        if len(speakers) == 1:
            pairs.append((speakers.pop(), speaker_at(found, start, end)))
    truths = sorted({truth for truth, _ in pairs})
    guesses = sorted({guess for _, guess in pairs if guess is not None})
    if not guesses:
        return 0, len(pairs)
    table = np.zeros((len(truths), len(guesses)))
    for truth, guess in pairs:
        if guess is not None:
            table[truths.index(truth), guesses.index(guess)] += 1
    rows, columns = linear_sum_assignment(-table)
    return int(table[rows, columns].sum()), len(pairs)
