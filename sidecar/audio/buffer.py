"""The decoded samples that windows still need."""

import numpy as np


class SampleBuffer:
    """A contiguous range of samples. Samples that no later window needs are dropped."""

    def __init__(self) -> None:
        self._samples = np.zeros(0, np.int16)
        self._start = 0

    @property
    def total(self) -> int:
        """Samples pushed so far."""
        return self._start + len(self._samples)

    def push(self, samples: np.ndarray) -> None:
        self._samples = np.concatenate([self._samples, samples])

    def copy(self, start: int, end: int) -> np.ndarray:
        return self._samples[start - self._start : end - self._start].copy()

    def drop(self, before: int) -> None:
        if before > self._start:
            self._samples = self._samples[before - self._start :].copy()
            self._start = before
