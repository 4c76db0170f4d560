"""Where speech is: Silero VAD's probabilities (the model that faster-whisper carries) and the stretches they make."""

from dataclasses import dataclass

import numpy as np
from faster_whisper.vad import get_vad_model

from .audio import SAMPLE_RATE

FRAME = 512
"""Samples that one probability speaks for (32 ms)."""

_CONTEXT = 64
_BLOCK = 512
_ON = 0.5
_OFF = 0.35
_PAUSE = 5
_SHORTEST = 3


@dataclass(frozen=True)
class Speech:
    """A stretch of speech without a pause of 160 ms; `start` and `end` in samples."""

    start: int
    end: int


class Detector:
    """The probability of speech for each FRAME of int16 samples, its state carried from one block to the next."""

    def __init__(self) -> None:
        self._session = get_vad_model().session
        self._h = np.zeros((1, 1, 128), np.float32)
        self._c = np.zeros((1, 1, 128), np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)
        self._rest = np.zeros(0, np.int16)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """float32, one for each frame that is complete by now."""
        samples = np.concatenate([self._rest, samples])
        complete = len(samples) - len(samples) % FRAME
        samples, self._rest = samples[:complete], samples[complete:]
        blocks = [self._run(samples[at : at + _BLOCK * FRAME]) for at in range(0, complete, _BLOCK * FRAME)]
        return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)

    def finish(self) -> np.ndarray:
        """What is left, padded with silence."""
        if not len(self._rest):
            return np.zeros(0, np.float32)
        return self.push(np.zeros(FRAME - len(self._rest), np.int16))

    def _run(self, samples: np.ndarray) -> np.ndarray:
        frames = samples.astype(np.float32).reshape(-1, FRAME) / 32768
        before = np.concatenate([self._context[None], frames[:-1, -_CONTEXT:]])
        inputs = {"input": np.concatenate([before, frames], 1), "h": self._h, "c": self._c}
        out, self._h, self._c = self._session.run(None, inputs)
        self._context = frames[-1, -_CONTEXT:]
        return np.asarray(out).reshape(-1)


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
