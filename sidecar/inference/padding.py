"""How much silence follows a window, for the encoder and for the decoder."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..audio.decoder import SAMPLE_RATE
from ..audio.features import FULL, HOP

SIZES = (*range(250, 1500, 150), 1650, 2100, 2400, FULL)
"""Frames of the encoder's inputs on a CPU. The first input of each size takes longer, so there are few."""
GPU_SIZES = (700, 1150, 1650, 2100, FULL)
"""Frames of the encoder's inputs on a GPU, which gains more from full batches than from short inputs."""

FRAMES_PER_POSITION = 2
"""Frames of the input for each position of the encoder's output."""

_BRIEF = 2.0
_POSITIONS_PER_SECOND = SAMPLE_RATE // (HOP * FRAMES_PER_POSITION)
_SILENCE = slice(-60, -10)
"""The positions that are repeated: a second, without the end of the input, which the encoder can tell."""


def sizes(device: str) -> tuple[int, ...]:
    return SIZES if device == "cpu" else GPU_SIZES


@dataclass(frozen=True)
class Padding:
    """Seconds. `silence`: at least this much follows a window in the encoder's input. `briefest`: that input
    is no shorter for a window under 2 s. `shortest`: no input of the decoder is shorter; what is missing is
    repeated from the encoder's output for the silence.

    Whisper was trained on inputs of 30 s, and its decoder writes better texts if more silence follows the
    speech. The encoder's cost grows with its input, and it needs less silence than the decoder, unless the
    window is a single word.
    """

    silence: float
    briefest: float = 0.0
    shortest: float = 0.0

    def frames(self, seconds: float, sizes: Sequence[int]) -> int:
        """Of the encoder's input, for a window of that many seconds: one of `sizes`."""
        padded = max(seconds + self.silence, self.briefest if seconds < _BRIEF else 0.0)
        least = min(math.ceil(padded * SAMPLE_RATE / HOP), FULL)
        return next(size for size in sizes if size >= least)

    def positions(self, frames: int) -> int:
        """Of the decoder's input, after an encoder's input of that many frames."""
        return max(frames // FRAMES_PER_POSITION, round(self.shortest * _POSITIONS_PER_SECOND))


def lengthened(encoded: np.ndarray, positions: int) -> np.ndarray:
    """The encoder's output [positions, width] of a window with its silence, which is repeated until there are
    so many positions."""
    missing = positions - len(encoded)
    if missing <= 0:
        return encoded
    return np.concatenate([encoded, np.resize(encoded[_SILENCE], (missing, encoded.shape[1]))])
