"""How much silence follows a window, for the encoder and for the decoder."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..audio.decoder import SAMPLE_RATE
from ..audio.features import FULL, HOP

SIZES = (*range(250, 1700, 150), 1700, 2100, 2400, FULL)
"""Frames of the encoder's inputs on a CPU. The first input of each size takes longer, so there are few. 1700
is the longest usual window with its silence."""
GPU_SIZES = (700, 1150, 1700, 2100, FULL)
"""Frames of the encoder's inputs on a GPU, which gains more from full batches than from short inputs."""

DECODER_SIZES = (725, 850, 1050, 1200, 1500)
"""Positions of the decoder's inputs. Only windows with inputs of one size share a batch, so there are few."""

FRAMES_PER_POSITION = 2
"""Frames of the input for each position of the encoder's output."""

_BRIEF = 2.0
_SILENCE = slice(-60, -10)
"""The positions that are repeated: a second, without the end of the input, which the encoder can tell."""


def sizes(device: str) -> tuple[int, ...]:
    return SIZES if device == "cpu" else GPU_SIZES


@dataclass(frozen=True)
class Padding:
    """Seconds. `silence`: at least this much follows a window in the encoder's input. `briefest`: that input
    is no shorter for a window under 2 s. What the decoder's input lacks is repeated from the encoder's output
    for the silence.

    Whisper was trained on inputs of 30 s, and its decoder writes better texts if more silence follows the
    speech. The encoder's cost grows with its input, and it needs less silence than the decoder, unless the
    window is a single word.
    """

    silence: float
    briefest: float = 0.0

    def frames(self, seconds: float, sizes: Sequence[int]) -> int:
        """Of the encoder's input, for a window of that many seconds: one of `sizes`."""
        padded = max(seconds + self.silence, self.briefest if seconds < _BRIEF else 0.0)
        least = min(math.ceil(padded * SAMPLE_RATE / HOP), FULL)
        return next(size for size in sizes if size >= least)


def positions(frames: int) -> int:
    """Of the decoder's input, after an encoder's input of that many frames: one of `DECODER_SIZES`."""
    return next(count for count in DECODER_SIZES if count >= frames // FRAMES_PER_POSITION)


def lengthened(encoded: np.ndarray, count: int) -> np.ndarray:
    """The encoder's output [positions, width] of a window with its silence, which is repeated until there are
    `count` positions."""
    missing = count - len(encoded)
    if missing <= 0:
        return encoded
    return np.concatenate([encoded, np.resize(encoded[_SILENCE], (missing, encoded.shape[1]))])
