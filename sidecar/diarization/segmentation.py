"""Windows of audio → the probabilities that each of at most three local voices speaks in each frame."""

from collections.abc import Sequence
from dataclasses import dataclass

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

# The classes: nobody, one voice, two voices.
_POWERSET = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.uint8)
_SOMEBODY = _POWERSET.any(axis=1)
_TWO = _POWERSET.sum(axis=1) == 2


@dataclass(frozen=True, eq=False)
class Activity:
    """One window. `active`: 1 where the most probable class has a voice, uint8 [frames, voices]. `speaks`:
    the probability that a voice speaks [frames, voices]. `counts`: the probabilities that at least one voice
    speaks, and that two speak [frames, 2]."""

    active: np.ndarray
    speaks: np.ndarray
    counts: np.ndarray


def activity(
    models: Models, samples: np.ndarray, begins: Sequence[int], audible: Sequence[int]
) -> list[Activity]:
    """samples: float32. begins: of each window, multiples of FRAME. audible: how many frames of each window
    are not padding."""
    found = []
    windows = np.exp(models.segment(samples, begins, WINDOW))
    for probabilities, frames in zip(windows, audible, strict=True):
        probabilities[frames:] = ~_SOMEBODY
        counts = [probabilities[:, classes].sum(axis=1) for classes in (_SOMEBODY, _TWO)]
        active = _POWERSET[probabilities.argmax(axis=1)]
        found.append(Activity(active, probabilities @ _POWERSET, np.stack(counts, axis=1)))
    return found
