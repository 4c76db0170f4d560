"""Detects the spoken language of a request that names a language, at little cost."""

from collections.abc import Sequence

from .engine import Engine
from .request import Item

_ALL_OF_SECONDS = 20.0
_LATER_SHARE = 0.25
_POSITIONS = 150


class LanguageSampler:
    """Chooses the windows: all of the first 20 s of speech, and a quarter of the speech after them."""

    def __init__(self) -> None:
        self._sampled = 0.0
        self._later = 0.0

    def takes(self, seconds: float) -> bool:
        """seconds: the speech in the next window."""
        chosen = self._sampled < _ALL_OF_SECONDS + self._later * _LATER_SHARE
        if self._sampled >= _ALL_OF_SECONDS:
            self._later += seconds
        if chosen:
            self._sampled += seconds
        return chosen


def detect(engine: Engine, items: Sequence[Item]) -> None:
    """Detects the languages of encoded items of one length, on every n-th position of the encoder's output.

    150 positions are right as often as all of them (260 windows in 17 languages), at half the cost.
    """
    stride = max(1, round(len(items[0].features) / _POSITIONS))
    results = engine.detect([item.features[::stride] for item in items])
    for item, probabilities in zip(items, results, strict=True):
        item.language_probabilities = probabilities
