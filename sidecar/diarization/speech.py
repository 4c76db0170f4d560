"""The embeddings of speech. The embedding network runs once for all speech, although windows overlap:
its features (one vector for 20 ms) are kept, and are pooled for each voice of each window."""

import numpy as np

from .embedding_graph import FEATURES
from .features import BINS, HOP, fbank
from .models import Models

UNIT = 2 * HOP
"""Samples of a unit (20 ms), for which the network has one vector of features."""

UNIT_CENTRE = 280
"""The middle of the 560 samples that the mel features of a unit rest on."""

_CHUNK = 99
"""Units that the network gets at once (2 s): MAX_FRAMES is the limit."""

_MIN_REST = 50
_ENOUGH = 25


class Speech:
    """The speech of a piece of audio."""

    def __init__(self, models: Models, samples: np.ndarray):
        self._models = models
        mel = fbank(samples)
        self._mel = mel[: len(mel) // 2 * 2].reshape(-1, 2, BINS)
        self._features = np.zeros((len(self._mel), FEATURES), np.float32)
        self._heard = np.zeros(len(self._mel), bool)

    def __len__(self) -> int:
        return len(self._mel)

    def hear(self, units: np.ndarray) -> None:
        """Computes the features of units in which one voice speaks. A short rest is left to the next
        window, which has more of the voice's speech, unless it is all there is."""
        new = units[~self._heard[units]]
        for at in range(0, len(new), _CHUNK):
            chunk = new[at : at + _CHUNK]
            if len(chunk) < _MIN_REST and self._heard[units].sum() >= _ENOUGH:
                break
            repeated = np.resize(chunk, self._models.length(len(chunk)))
            mel = self._mel[repeated].reshape(-1, BINS)
            self._features[chunk] = self._models.features(mel - mel.mean(axis=0))[: len(chunk)]
            self._heard[chunk] = True

    def is_heard(self, units: np.ndarray) -> np.ndarray:
        """Which units have features."""
        heard: np.ndarray = self._heard[units]
        return heard

    def embeddings(self, units: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
        """An embedding of `length` units from each start on: [starts, dimensions]."""
        statistics = [self._statistics(units[start : start + length]) for start in starts]
        return self._models.embed(np.stack(statistics))

    def _statistics(self, units: np.ndarray) -> np.ndarray:
        features = self._features[units]
        mean = features.mean(axis=0)
        deviations = features - mean
        variance = np.einsum("uf,uf->f", deviations, deviations) / max(1, len(units) - 1)
        return np.concatenate([mean, np.sqrt(variance)])
