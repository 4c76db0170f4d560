"""Which language each window is in, from what the windows around it say."""

from collections.abc import Sequence

import numpy as np

_ENOUGH_SECONDS = 5.0
_FLOOR = 1e-4
_CHANGE = 3.0


class LanguageTrack:
    """The likeliest sequence of languages (Viterbi), its state carried from one block of windows to the next.

    A window's log-probabilities count in full from 5 s of speech on: shorter ones are often wrong and sure of it.
    A change of language costs 3 nats, so one window outvotes its neighbours only when it is very clear.
    """

    def __init__(self) -> None:
        self._scores: np.ndarray | None = None
        self._codes: list[str] = []

    def assign(self, probabilities: Sequence[dict[str, float]], seconds: Sequence[float]) -> list[str]:
        """A language code for each window of the next block; seconds: of speech in each."""
        if not probabilities:
            return []
        if not self._codes:
            self._codes = sorted(probabilities[0])
        scores = self._scores if self._scores is not None else np.zeros(len(self._codes))
        came_from = []
        for found, length in zip(probabilities, seconds, strict=True):
            evidence = np.log(np.maximum([found[code] for code in self._codes], _FLOOR))
            best = int(scores.argmax())
            stays = scores >= scores[best] - _CHANGE
            came_from.append(np.where(stays, np.arange(len(scores)), best))
            scores = np.where(stays, scores, scores[best] - _CHANGE) + evidence * min(1.0, length / _ENOUGH_SECONDS)
        self._scores = scores - scores.max()
        path = [int(scores.argmax())]
        for origins in reversed(came_from[1:]):
            path.append(int(origins[path[-1]]))
        return [self._codes[i] for i in reversed(path)]
