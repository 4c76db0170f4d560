"""Speech detection: Silero VAD's probabilities and the stretches of speech that follow from them."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np

from .decoder import SAMPLE_RATE
from .silero import network

FRAME = 512
"""Samples per probability (32 ms)."""

_CONTEXT = 64
_BLOCK = 512
_CHUNK = 256
_WARM_UP = 64
_ZERO_STATE = np.zeros((1, 1, 128), np.float32)
_ON = 0.5
_OFF = 0.35
_PAUSE = 5
_SHORTEST = 3
_FAINT = 0.2
_SHORTEST_FAINT = 5
_LONGEST_FAINT = 32
_REACH = 16


_State = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Speech:
    """A stretch of speech without a pause of 160 ms; `start` and `end` in samples. `faint`: too soft to be
    speech without the speech beside it."""

    start: int
    end: int
    faint: bool = False


class Detector:
    """The probability of speech for each FRAME of int16 samples. The model's state is carried from block to
    block.

    With a pool, chunks of 8 s are processed in parallel, each warmed up on the 2 s before it. Chunk
    boundaries do not depend on how the audio was divided into blocks.
    """

    def __init__(self, pool: Executor | None = None) -> None:
        self._network = network()
        self._pool = pool
        self._state: _State = (_ZERO_STATE, _ZERO_STATE)
        self._previous = np.zeros((0, FRAME), np.float32)
        self._frames = 0
        self._incomplete = np.zeros(0, np.int16)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """float32, one probability for each frame completed by now."""
        samples = np.concatenate([self._incomplete, samples])
        complete = len(samples) - len(samples) % FRAME
        samples, self._incomplete = samples[:complete], samples[complete:]
        if not complete:
            return np.zeros(0, np.float32)
        frames = np.concatenate([self._previous, samples.astype(np.float32).reshape(-1, FRAME) / 32768])
        context = np.concatenate([np.zeros((1, _CONTEXT), np.float32), frames[:-1, -_CONTEXT:]])
        probabilities = self._infer(np.concatenate([context, frames], 1), len(self._previous))
        self._frames += complete // FRAME
        self._previous = frames[-(_WARM_UP + 1) :]
        return probabilities

    def finish(self) -> np.ndarray:
        """The probability of the last, incomplete frame, padded with silence."""
        if not len(self._incomplete):
            return np.zeros(0, np.float32)
        return self.push(np.zeros(FRAME - len(self._incomplete), np.int16))

    def _infer(self, frames: np.ndarray, first: int) -> np.ndarray:
        """first: the first frame that has no probability yet."""
        if self._pool is None:
            return np.concatenate(
                [self._infer_on(frames[at : at + _BLOCK]) for at in range(first, len(frames), _BLOCK)]
            )
        continued = -self._frames % _CHUNK if self._frames else _CHUNK
        later = [
            self._pool.submit(self._infer_fresh, frames[at - _WARM_UP : at + _CHUNK])
            for at in range(first + continued, len(frames), _CHUNK)
        ]
        probabilities = [self._infer_on(frames[first : first + continued])] if continued else []
        for chunk in later:
            probability, self._state = chunk.result()
            probabilities.append(probability)
        return np.concatenate(probabilities)

    def _infer_on(self, frames: np.ndarray) -> np.ndarray:
        probability, self._state = self._run(frames, self._state)
        return probability

    def _infer_fresh(self, frames: np.ndarray) -> tuple[np.ndarray, _State]:
        probability, state = self._run(frames, (_ZERO_STATE, _ZERO_STATE))
        return probability[_WARM_UP:], state

    def _run(self, frames: np.ndarray, state: _State) -> tuple[np.ndarray, _State]:
        out, h, c = self._network(frames, *state)
        return np.asarray(out).reshape(-1), (h, c)


class SpeechSegmenter:
    """Probabilities → stretches of speech. Stretches under 0.1 s are left out.

    A word that is softer than its neighbours and beside a pause can stay below 0.5 throughout. Such a faint
    run, from 0.2 on and of at least 0.16 s, is a stretch of its own if a stretch is within 0.5 s of it. Faint
    runs without speech nearby are noise, so audio without speech has none.
    """

    def __init__(self) -> None:
        self._frames = 0
        self._start: int | None = None
        self._quiet: int | None = None
        self._faint: int | None = None
        self._waiting: list[tuple[int, int]] = []
        self._last_end: int | None = None

    @property
    def seen(self) -> int:
        """Samples processed so far."""
        return self._frames * FRAME

    @property
    def settled(self) -> int:
        """Samples before which no stretch can start that is neither returned nor `open`."""
        unsettled = [start for start, _ in self._waiting]
        unsettled += [start for start in (self._faint, self._start) if start is not None]
        return min([self._frames, *unsettled]) * FRAME

    @property
    def open(self) -> Speech | None:
        """The stretch that has not ended yet, with the earliest end it can have."""
        end = self._frames if self._quiet is None else self._quiet
        if self._start is None or end - self._start < _SHORTEST:
            return None
        return Speech(self._start * FRAME, end * FRAME)

    def push(self, probability: np.ndarray) -> list[Speech]:
        """The stretches that ended in these frames."""
        ended: list[Speech] = []
        for i, p in enumerate(probability.tolist(), self._frames):
            if p >= _ON:
                if self._start is None:
                    ended += self._end_faint(i)
                    self._start = i
                self._quiet = self._faint = None
            elif self._start is not None and p < _OFF:
                if self._quiet is None:
                    self._quiet = i
                if i - self._quiet + 1 >= _PAUSE:
                    ended += self._closed(self._quiet)
            if self._start is not None and self._quiet is None:
                if i + 1 - self._start >= _SHORTEST:
                    ended += self._waiting_near(self._start)
            elif p < _FAINT or (self._faint is not None and i - self._faint >= _LONGEST_FAINT):
                ended += self._end_faint(i)
            if p >= _FAINT and self._faint is None and (self._start is None or self._quiet is not None):
                self._faint = i
            self._waiting = [run for run in self._waiting if (self._start or i) - run[1] <= _REACH]
        self._frames += len(probability)
        return ended

    def finish(self, total: int) -> list[Speech]:
        """The last stretches, in audio of `total` samples."""
        ended = self._closed(self._frames if self._quiet is None else self._quiet)
        ended += self._end_faint(self._frames)
        return [replace(speech, end=min(speech.end, total)) for speech in ended if speech.start < total]

    def _closed(self, end: int) -> list[Speech]:
        start, self._start, self._quiet = self._start, None, None
        if start is None or end - start < _SHORTEST:
            return []
        self._last_end = end
        return [*self._waiting_near(start), Speech(start * FRAME, end * FRAME)]

    def _end_faint(self, end: int) -> list[Speech]:
        """The faint run that ends here, if speech precedes it. Otherwise it waits for speech to follow."""
        start, self._faint = self._faint, None
        if start is None or end - start < _SHORTEST_FAINT:
            return []
        if self._last_end is not None and start - self._last_end <= _REACH:
            return [Speech(start * FRAME, end * FRAME, faint=True)]
        self._waiting.append((start, end))
        return []

    def _waiting_near(self, start: int) -> list[Speech]:
        near = [run for run in self._waiting if start - run[1] <= _REACH]
        self._waiting = []
        return [Speech(first * FRAME, last * FRAME, faint=True) for first, last in near]


def seconds(stretches: Sequence[Speech]) -> float:
    return sum(stretch.end - stretch.start for stretch in stretches) / SAMPLE_RATE
