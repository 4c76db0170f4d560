"""Recordings as float32 samples, mono, 16 kHz."""

import io
import wave
from pathlib import Path

import numpy as np

from sidecar.audio import decoder


def samples(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        blocks = list(decoder.stream(file, longest=float("inf")))
    signal: np.ndarray = np.concatenate(blocks).astype(np.float32) / 32768
    return signal


def wav(signal: np.ndarray) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, decoder.SAMPLE_RATE, 0, "NONE", ""))
        out.writeframes((np.clip(signal, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()
