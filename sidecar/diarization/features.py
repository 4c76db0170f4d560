"""Mel features as Kaldi computes them (`fbank` without dither), which CAM++ was trained on."""

import numpy as np

BINS = 80
HOP = 160
"""Samples per frame (10 ms)."""

_SAMPLE_RATE = 16_000
_FRAME = 400
_FFT = 512
_LOWEST_HZ, _HIGHEST_HZ = 20, 8_000
_PREEMPHASIS = 0.97
_FLOOR = 1.1920929e-07


def fbank(samples: np.ndarray) -> np.ndarray:
    """float32 samples from -1 to 1 → [frames, BINS], logarithmic. Frame i starts at sample i · HOP."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    previous = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    spectrum = np.fft.rfft((frames - _PREEMPHASIS * previous) * _WINDOW, _FFT)[:, : _FFT // 2]
    power: np.ndarray = spectrum.real**2 + spectrum.imag**2
    logarithms: np.ndarray = np.log(np.maximum(power @ _MEL, _FLOOR)).astype(np.float32)
    return logarithms


def _mel(hertz: np.ndarray) -> np.ndarray:
    mel: np.ndarray = 1127 * np.log(1 + hertz / 700)
    return mel


def _mel_bank() -> np.ndarray:
    """[FFT bins, BINS]: triangles of equal width in mel."""
    lowest, highest = _mel(np.array([_LOWEST_HZ, _HIGHEST_HZ]))
    edges = np.linspace(lowest, highest, BINS + 2)
    bins = _mel(np.arange(_FFT // 2) * _SAMPLE_RATE / _FFT)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    bank: np.ndarray = np.maximum(triangles, 0).astype(np.float32)
    return bank


_MEL = _mel_bank()
_WINDOW = ((0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / (_FRAME - 1))) ** 0.85).astype(np.float32)
"""Kaldi's "povey" window."""
