"""Samples → the log-mel spectrogram for the encoder."""

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

from .decoder import SAMPLE_RATE
from .windows import LONGEST

HOP = 160
"""Samples per mel frame (10 ms)."""
FULL = int(LONGEST * SAMPLE_RATE) // HOP
"""Frames of the 30 s that Whisper was trained on."""


def mel(extractor: FeatureExtractor, samples: np.ndarray, frames: int) -> np.ndarray:
    """float32 [mel bins, frames] of int16 samples, padded with silence."""
    waveform = np.zeros(frames * HOP, np.float32)
    audio = samples[: len(waveform)]
    waveform[: len(audio)] = audio
    waveform /= 32768
    spectrogram: np.ndarray = extractor(waveform, padding=0)
    return spectrogram[:, :frames].astype(np.float32, copy=False)
