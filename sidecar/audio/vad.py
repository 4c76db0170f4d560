"""Speech detection: Silero VAD's probabilities (the model that faster-whisper ships) and the stretches of
speech that follow from them."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from faster_whisper.vad import get_vad_model

from .decoder import SAMPLE_RATE

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


_State = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Speech:
    """A stretch of speech without a pause of 160 ms; `start` and `end` in samples."""

    start: int
    end: int


class Detector:
    """The probability of speech for each FRAME of int16 samples. The model's state is carried from block to
    block.

    With a pool, chunks of 8 s are processed in parallel, each warmed up on the 2 s before it. Chunk
    boundaries do not depend on how the audio was divided into blocks.
    """

    def __init__(self, pool: Executor | None = None) -> None:
        self._session = get_vad_model().session
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
        out, h, c = self._session.run(None, {"input": frames, "h": state[0], "c": state[1]})
        return np.asarray(out).reshape(-1), (h, c)


class SpeechSegmenter:
    """Probabilities → stretches of speech. Stretches under 0.1 s are left out."""

    def __init__(self) -> None:
        self._frames = 0
        self._start: int | None = None
        self._quiet: int | None = None

    @property
    def seen(self) -> int:
        """Samples processed so far."""
        return self._frames * FRAME

    @property
    def open(self) -> Speech | None:
        """The stretch that has not ended yet, with the earliest end it can have."""
        if self._start is None:
            return None
        return Speech(self._start * FRAME, (self._frames if self._quiet is None else self._quiet) * FRAME)

    def push(self, probability: np.ndarray) -> list[Speech]:
        """The stretches that ended in these frames."""
        ended: list[Speech] = []
        for i, p in enumerate(probability.tolist(), self._frames):
            if p >= _ON:
                self._quiet = None
                if self._start is None:
                    self._start = i
            elif self._start is not None and p < _OFF:
                if self._quiet is None:
                    self._quiet = i
                if i - self._quiet + 1 >= _PAUSE:
                    ended += self._closed(self._quiet)
        self._frames += len(probability)
        return ended

    def finish(self, total: int) -> list[Speech]:
        """The last stretch, in audio of `total` samples."""
        ended = self._closed(self._frames if self._quiet is None else self._quiet)
        return [Speech(speech.start, min(speech.end, total)) for speech in ended]

    def _closed(self, end: int) -> list[Speech]:
        start, self._start, self._quiet = self._start, None, None
        return [Speech(start * FRAME, end * FRAME)] if start is not None and end - start >= _SHORTEST else []


def seconds(stretches: Sequence[Speech]) -> float:
    return sum(stretch.end - stretch.start for stretch in stretches) / SAMPLE_RATE
