"""The diarization of one request, while its audio is decoded."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace

import numpy as np

from ..audio.decoder import SAMPLE_RATE
from . import clustering
from .block import Turn, Voice, clipped, diarize
from .models import Models
from .segmentation import FRAME, WINDOW
from .windows import Window, analyse

_STEP = 150
"""Frames from window to window (2.5 s)."""

_GROUP = 16
"""Windows of one task. Its windows share the features of the audio that they overlap in."""

_AHEAD = 2
"""Tasks of one request that wait or run at once."""

_BLOCK = 300.0
_MARGIN = 10.0
_LONGEST_BLOCK = 480.0
_MAX_WEIGHT = 60.0
_APART = 0.5

_THRESHOLD = 0.5
"""Cosine distance from which on voices of two blocks are two speakers: less than in a block, because means of
many embeddings are nearer to each other than single ones."""


@dataclass(frozen=True)
class Diarization:
    """Turns by their start; the voices that their numbers count."""

    turns: list[Turn]
    voices: list[Voice]


class Diarizer:
    """Analyses windows on `pool` as they are complete, and clusters each block of 5 minutes as soon as it is
    analysed, so memory does not grow with the audio. Only for the request's thread."""

    def __init__(self, models: Models, pool: Executor):
        self._models = models
        self._pool = pool
        self._samples = np.zeros(0, np.float32)
        self._offset = 0
        self._next = 0
        self._tasks: deque[Future[list[Window]]] = deque()
        self._windows: list[Window] = []
        self._block, self._block_start = 0, 0.0
        self._voices: list[Voice] = []
        self._blocks: list[int] = []
        self._turns: list[Turn] = []

    def push(self, samples: np.ndarray) -> None:
        """int16 samples. Waits while the pool is far behind. Raises what a task raised."""
        self._samples = np.concatenate([self._samples, samples.astype(np.float32) / 32768])
        while self._complete(self._next + (_GROUP - 1) * _STEP):
            self._submit([self._next + i * _STEP for i in range(_GROUP)])
        while len(self._tasks) > _AHEAD:
            self._collect()

    def end(self) -> None:
        """Submits the rest, after all audio was pushed."""
        starts: list[int] = []
        while self._complete(self._next + len(starts) * _STEP):
            starts.append(self._next + len(starts) * _STEP)
        # The last window ends where the audio ends.
        last = self._offset + max(0, -(-(len(self._samples) - WINDOW) // FRAME))
        if last != self._next - _STEP:
            self._submit(sorted({*starts, last}))
        elif starts:
            self._submit(starts)

    def finish(self) -> Diarization:
        """After `end`. Waits for the rest. Raises what a task raised."""
        while self._tasks:
            self._collect()
        self._close_block(float("inf"))
        return _joined(self._voices, np.array(self._blocks), self._turns)

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _complete(self, start: int) -> bool:
        return (start - self._offset) * FRAME + WINDOW <= len(self._samples)

    def _submit(self, starts: Sequence[int]) -> None:
        offset = self._offset
        samples = self._samples[(starts[0] - offset) * FRAME :]
        end = (starts[-1] - starts[0]) * FRAME + WINDOW
        task = self._pool.submit(analyse, self._models, samples[:end].copy(), starts, offset=starts[0])
        self._tasks.append(task)
        self._next = starts[-1] + _STEP
        # The last window can begin before the next one, so a whole window is kept.
        kept = min(self._next, offset + max(0, (len(self._samples) - WINDOW) // FRAME))
        self._samples = self._samples[(kept - offset) * FRAME :].copy()
        self._offset = kept

    def _collect(self) -> None:
        self._windows += self._tasks.popleft().result()
        if _seconds(self._windows[-1].start) >= self._block_start + _LONGEST_BLOCK:
            self._close_block(self._block_start + _BLOCK)

    def _close_block(self, end: float) -> None:
        """Clusters the windows until `end`, with some context on both sides."""
        windows = [window for window in self._windows if _seconds(window.start) < end + _MARGIN]
        voices, turns = diarize(windows)
        count = len(self._voices)
        self._voices += voices
        self._blocks += [self._block] * len(voices)
        self._block += 1
        self._turns += [
            replace(turn, voice=turn.voice + count) for turn in clipped(turns, self._block_start, end)
        ]
        self._block_start = end
        self._windows = [
            window
            for window in self._windows
            if _seconds(window.start) > end - _MARGIN - WINDOW / SAMPLE_RATE
        ]


def _seconds(frame: int) -> float:
    return frame * FRAME / SAMPLE_RATE


def _joined(voices: Sequence[Voice], blocks: np.ndarray, turns: Sequence[Turn]) -> Diarization:
    """Joins the voices of all blocks. Voices are numbered by their first turn; those without turns are left
    out."""
    if not voices:
        return Diarization([], [])
    embeddings = np.stack([voice.embedding for voice in voices])
    weights = np.clip([voice.seconds for voice in voices], 0.1, _MAX_WEIGHT)
    # The voices of one block were found to be different.
    apart = _APART * (blocks[:, None] == blocks)
    labels = clustering.labels(embeddings, weights, threshold=_THRESHOLD, apart=apart)
    centroids = clustering.centroids(embeddings, weights, labels)
    labelled = [replace(turn, voice=int(labels[turn.voice])) for turn in turns]
    labelled.sort(key=lambda turn: (turn.start, turn.voice))
    numbers = {label: number for number, label in enumerate(dict.fromkeys(turn.voice for turn in labelled))}
    seconds = np.bincount(labels, [voice.seconds for voice in voices])
    return Diarization(
        _united([replace(turn, voice=numbers[turn.voice]) for turn in labelled]),
        [Voice(float(seconds[label]), centroids[label]) for label in numbers],
    )


def _united(turns: Sequence[Turn]) -> list[Turn]:
    """Turns of one voice that touch or overlap become one. Both lists are in order of start."""
    united: list[Turn] = []
    latest: dict[int, int] = {}
    for turn in turns:
        index = latest.get(turn.voice)
        if index is not None and turn.start <= united[index].end:
            united[index] = replace(united[index], end=max(united[index].end, turn.end))
        else:
            latest[turn.voice] = len(united)
            united.append(turn)
    return united
