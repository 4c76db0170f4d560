"""Windows of audio → which of at most three local voices speak in each frame."""

import numpy as np

from .models import Models

WINDOW = 160_000
"""Samples (10 s), the length that the network was trained on."""

FRAME = 270
"""Samples per frame."""

FRAMES = 589
"""Frames of a window."""

FIRST_FRAME = 360
"""Sample at which frame 0 starts: a frame is the middle of the 991 samples that it depends on."""

VOICES = 3

_BATCH = 8
"""Windows that the network gets at once, to bound its memory."""

# The classes: nobody, one voice, two voices.
_POWERSET = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.uint8)


def activity(models: Models, windows: np.ndarray) -> np.ndarray:
    """float32 [windows, samples] → 1 where a voice speaks, uint8 [windows, frames, voices]."""
    batches = [windows[at : at + _BATCH] for at in range(0, len(windows), _BATCH)]
    classes = np.concatenate([models.segment(batch).argmax(axis=2) for batch in batches])
    speaks: np.ndarray = _POWERSET[classes]
    return speaks
