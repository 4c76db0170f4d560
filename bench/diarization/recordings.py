"""Recordings as float32 samples, mono, 16 kHz."""

from pathlib import Path

import numpy as np

from sidecar.audio import decoder


def samples(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        blocks = list(decoder.stream(file, longest=float("inf")))
    signal: np.ndarray = np.concatenate(blocks).astype(np.float32) / 32768
    return signal
