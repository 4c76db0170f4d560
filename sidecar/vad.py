"""Where speech is: Silero VAD's probabilities (the model that faster-whisper carries) and the stretches they make."""

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from faster_whisper.vad import get_vad_model

from .audio import SAMPLE_RATE

FRAME = 512
"""Samples that one probability speaks for (32 ms)."""

_CONTEXT = 64
_BLOCK = 512
_PIECE = 256
_RUN_UP = 64
_NOTHING = np.zeros((1, 1, 128), np.float32)
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
    """The probability of speech for each FRAME of int16 samples, its state carried from one block to the next.

    With a pool the audio is listened to in pieces of 8 s at once, each from what the 2 s before it leave behind: the
    pieces lie where they lie, however the audio was divided.
    """

    def __init__(self, pool: Executor | None = None) -> None:
        self._session = get_vad_model().session
        self._pool = pool
        self._state: _State = (_NOTHING, _NOTHING)
        self._before = np.zeros((0, FRAME), np.float32)
        self._seen = 0
        self._rest = np.zeros(0, np.int16)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """float32, one for each frame that is complete by now."""
        samples = np.concatenate([self._rest, samples])
        complete = len(samples) - len(samples) % FRAME
        samples, self._rest = samples[:complete], samples[complete:]
        if not complete:
            return np.zeros(0, np.float32)
        frames = np.concatenate([self._before, samples.astype(np.float32).reshape(-1, FRAME) / 32768])
        context = np.concatenate([np.zeros((1, _CONTEXT), np.float32), frames[:-1, -_CONTEXT:]])
        found = self._listen(np.concatenate([context, frames], 1), len(self._before))
        self._seen += complete // FRAME
        self._before = frames[-(_RUN_UP + 1) :]
        return found

    def finish(self) -> np.ndarray:
        """What is left, padded with silence."""
        if not len(self._rest):
            return np.zeros(0, np.float32)
        return self.push(np.zeros(FRAME - len(self._rest), np.int16))

    def _listen(self, frames: np.ndarray, first: int) -> np.ndarray:
        """first: the first frame that was not heard yet."""
        if self._pool is None:
            return np.concatenate(
                [self._carry_on(frames[at : at + _BLOCK]) for at in range(first, len(frames), _BLOCK)]
            )
        going_on = -self._seen % _PIECE if self._seen else _PIECE
        later = [
            self._pool.submit(self._afresh, frames[at - _RUN_UP : at + _PIECE])
            for at in range(first + going_on, len(frames), _PIECE)
        ]
        found = [self._carry_on(frames[first : first + going_on])] if going_on else []
        for piece in later:
            probability, self._state = piece.result()
            found.append(probability)
        return np.concatenate(found)

    def _carry_on(self, frames: np.ndarray) -> np.ndarray:
        probability, self._state = self._run(frames, self._state)
        return probability

    def _afresh(self, frames: np.ndarray) -> tuple[np.ndarray, _State]:
        probability, state = self._run(frames, (_NOTHING, _NOTHING))
        return probability[_RUN_UP:], state

    def _run(self, frames: np.ndarray, state: _State) -> tuple[np.ndarray, _State]:
        out, h, c = self._session.run(None, {"input": frames, "h": state[0], "c": state[1]})
        return np.asarray(out).reshape(-1), (h, c)


class Stretches:
    """Probabilities → stretches of speech; those under 0.1 s are left out."""

    def __init__(self) -> None:
        self._seen = 0
        self._start: int | None = None
        self._quiet: int | None = None

    @property
    def seen(self) -> int:
        """Samples judged so far."""
        return self._seen * FRAME

    @property
    def open(self) -> Speech | None:
        """The stretch that goes on, with the earliest end it can have."""
        if self._start is None:
            return None
        return Speech(self._start * FRAME, (self._seen if self._quiet is None else self._quiet) * FRAME)

    def push(self, probability: np.ndarray) -> list[Speech]:
        """The stretches that have ended."""
        found: list[Speech] = []
        for i, p in enumerate(probability.tolist(), self._seen):
            if p >= _ON:
                self._quiet = None
                if self._start is None:
                    self._start = i
            elif self._start is not None and p < _OFF:
                if self._quiet is None:
                    self._quiet = i
                if i - self._quiet + 1 >= _PAUSE:
                    found += self._closed(self._quiet)
        self._seen += len(probability)
        return found

    def finish(self, total: int) -> list[Speech]:
        """The last stretch, in audio of `total` samples."""
        found = self._closed(self._seen if self._quiet is None else self._quiet)
        return [Speech(one.start, min(one.end, total)) for one in found]

    def _closed(self, end: int) -> list[Speech]:
        start, self._start, self._quiet = self._start, None, None
        return [Speech(start * FRAME, end * FRAME)] if start is not None and end - start >= _SHORTEST else []


def seconds(stretch: list[Speech] | tuple[Speech, ...]) -> float:
    return sum(s.end - s.start for s in stretch) / SAMPLE_RATE
