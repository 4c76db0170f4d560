"""Samples → the log-mel spectrogram for the encoder, no longer than needed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

from .decoder import SAMPLE_RATE
from .windows import LONGEST

HOP = 160
"""Samples per mel frame (10 ms)."""
FULL = int(LONGEST * SAMPLE_RATE) // HOP
"""Frames of the 30 s that Whisper was trained on."""
SIZES = (*range(400, 1900, 150), 2100, 2400, FULL)
"""Frames to which windows are padded on a CPU. There are few sizes, because only windows of one size share a
batch."""
GPU_SIZES = (700, 1150, 1750, 2100, FULL)
"""Frames to which windows are padded on a GPU, which gains more from full batches than from short windows."""

_BRIEF = 3.0
_LONG = 12.0


def sizes(device: str) -> tuple[int, ...]:
    return SIZES if device == "cpu" else GPU_SIZES


@dataclass(frozen=True)
class Padding:
    """Seconds. `silence`: at least this much follows a window, and `long_silence` one of 12 s or more.
    `shortest`: no input is shorter than this, and `briefest`: none of a window under 3 s is shorter than
    this.

    The encoder's cost grows with its input. With less than 2 s of silence Whisper repeats itself in some
    languages, and a short window needs more than that: Whisper was trained on inputs of 30 s.
    """

    silence: float
    long_silence: float
    shortest: float = 0.0
    briefest: float = 0.0

    def frames(self, seconds: float, sizes: Sequence[int]) -> int:
        """Frames for a window of that many seconds, rounded up to one of `sizes`."""
        shortest = max(self.shortest, self.briefest if seconds < _BRIEF else 0.0)
        silence = self.long_silence if seconds >= _LONG else self.silence
        padded = max(seconds + silence, shortest)
        least = min(math.ceil(padded * SAMPLE_RATE / HOP), FULL)
        return next(size for size in sizes if size >= least)


def mel(extractor: FeatureExtractor, samples: np.ndarray, frames: int) -> np.ndarray:
    """float32 [mel bins, frames] of int16 samples, padded with silence."""
    waveform = np.zeros(frames * HOP, np.float32)
    audio = samples[: len(waveform)]
    waveform[: len(audio)] = audio
    waveform /= 32768
    spectrogram: np.ndarray = extractor(waveform, padding=0)
    return spectrogram[:, :frames].astype(np.float32, copy=False)
