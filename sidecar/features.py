"""Samples → the log-mel spectrogram that the encoder takes, no longer than it needs to be."""

import math
from collections.abc import Sequence

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

from .audio import SAMPLE_RATE
from .windows import LONGEST

HOP = 160
"""Samples a mel frame (10 ms)."""
FULL = int(LONGEST * SAMPLE_RATE) // HOP
"""Frames of the 30 s that Whisper was trained on."""
_SILENCE = 2.5
SIZES = (*range(400, 1900, 150), 2100, 2400, FULL)
"""Frames that windows are padded to: few, since only windows of one size share a batch."""
GPU_SIZES = (700, 1150, 1750, FULL)
"""The same on a GPU, where full batches bring more than short windows."""


def sizes(device: str) -> tuple[int, ...]:
    return SIZES if device == "cpu" else GPU_SIZES


def padded(seconds: float, sizes: Sequence[int]) -> int:
    """Frames for a window: its length and 2.5 s of silence, rounded up to one of `sizes`.

    The encoder's cost follows its frames. Under 2 s of silence Whisper repeats itself in some languages.
    """
    least = min(math.ceil((seconds + _SILENCE) * SAMPLE_RATE / HOP), FULL)
    return next(size for size in sizes if size >= least)


def mel(extractor: FeatureExtractor, samples: np.ndarray, frames: int) -> np.ndarray:
    """float32 [mel bins, frames] of int16 samples followed by silence."""
    waveform = np.zeros(frames * HOP, np.float32)
    taken = samples[: len(waveform)]
    waveform[: len(taken)] = taken
    waveform /= 32768
    return extractor(waveform, padding=0)[:, :frames].astype(np.float32, copy=False)
