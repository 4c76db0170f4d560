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


def probabilities(samples: np.ndarray) -> np.ndarray:
    """The probability of speech for each FRAME of int16 samples, the last one padded with silence."""
    session = get_vad_model().session
    h = np.zeros((1, 1, 128), np.float32)
    c = np.zeros((1, 1, 128), np.float32)
    tail = np.zeros(_CONTEXT, np.float32)
    found = []
    for begin in range(0, len(samples), _BLOCK * FRAME):
        block = samples[begin : begin + _BLOCK * FRAME].astype(np.float32) / 32768
        frames = np.pad(block, (0, -len(block) % FRAME)).reshape(-1, FRAME)
        before = np.concatenate([tail[None], frames[:-1, -_CONTEXT:]])
        out, h, c = session.run(None, {"input": np.concatenate([before, frames], 1), "h": h, "c": c})
        tail = frames[-1, -_CONTEXT:]
        found.append(np.asarray(out).reshape(-1))
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def stretches(probability: np.ndarray, total: int) -> list[Speech]:
    """Stretches of speech in audio of `total` samples; those under 0.1 s are left out."""
    found: list[Speech] = []
    start: int | None = None
    quiet: int | None = None

    def close(end: int) -> None:
        if start is not None and end - start >= _SHORTEST:
            found.append(Speech(start * FRAME, min(end * FRAME, total)))

    for i, p in enumerate(probability.tolist()):
        if p >= _ON:
            quiet = None
            if start is None:
                start = i
        elif start is not None and p < _OFF:
            if quiet is None:
                quiet = i
            if i - quiet + 1 >= _PAUSE:
                close(quiet)
                start = quiet = None
    close(quiet if quiet is not None else len(probability))
    return found


def seconds(stretch: list[Speech] | tuple[Speech, ...]) -> float:
    return sum(s.end - s.start for s in stretch) / SAMPLE_RATE
