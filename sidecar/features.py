"""Samples → the log-mel spectrogram that the encoder takes, no longer than it needs to be."""

import math

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

from .audio import SAMPLE_RATE
from .windows import LONGEST

HOP = 160
"""Samples a mel frame (10 ms)."""
FULL = int(LONGEST * SAMPLE_RATE) // HOP
"""Frames of the 30 s that Whisper was trained on."""
_SILENCE = 3.0
_STEP = 50


def padded(seconds: float) -> int:
    """Frames for a window: its length and 3 s of silence, in steps of half a second, 30 s at most.

    The encoder's cost follows its frames. Under 2 s of silence Whisper repeats itself in some languages.
    """
    frames = math.ceil((seconds + _SILENCE) * SAMPLE_RATE / HOP / _STEP) * _STEP
    return min(frames, FULL)


def mel(extractor: FeatureExtractor, samples: np.ndarray, frames: int) -> np.ndarray:
    """float32 [mel bins, frames] of int16 samples followed by silence."""
    waveform = np.zeros(frames * HOP, np.float32)
    taken = samples[: len(waveform)]
    waveform[: len(taken)] = taken
    waveform /= 32768
    return extractor(waveform, padding=0)[:, :frames].astype(np.float32, copy=False)
