"""Decides the language of each window, with its neighbours as context."""

from collections.abc import Collection

import numpy as np

_FULL_WEIGHT_SECONDS = 5.0
_MIN_PROBABILITY = 1e-4
_CHANGE_COST = 3.0
_MAX_UNDECIDED_SECONDS = 20.0
_MAX_UNDECIDED_WINDOWS = 12
_HINT_ADVANTAGE = 2.0


def among(probabilities: dict[str, float], candidates: Collection[str]) -> dict[str, float]:
    """The probabilities of the candidates if one of them is spoken. No candidates stand for all languages."""
    if not candidates:
        return probabilities
    total = sum(probabilities[code] for code in candidates) or 1.0
    return {code: probabilities[code] / total for code in candidates}


class LanguageTrack:
    """The most probable sequence of languages (Viterbi). A window's language is returned once no later window
    can change it.

    A window's log-probabilities count in full from 5 s of speech: shorter windows are often wrong with high
    confidence. A change of language costs 3 nats, so that one window outvotes its neighbours only if it is
    very clear. Windows still undecided after 20 s of speech are decided with what is known by then.

    hint: a language that is probable beforehand. It starts 2 nats ahead of all others: accented or short
    speech, whose evidence against its own language is below 1 nat, stays in it, and 3 s of clear speech in
    another language, worth up to 5.5 nats, do not.
    """

    def __init__(self, hint: str | None = None) -> None:
        self._hint = hint
        self._codes: list[str] = []
        self._scores = np.zeros(0)
        self._origins: list[np.ndarray] = []
        self._seconds = 0.0

    def push(self, probabilities: dict[str, float], seconds: float) -> list[str]:
        """Adds the next window, with its seconds of speech. Returns the codes decided now, in the windows'
        order."""
        if not self._codes:
            self._codes = sorted(probabilities)
            self._scores = self._prior()
        evidence = np.log(np.maximum([probabilities[code] for code in self._codes], _MIN_PROBABILITY))
        keeps_own, best = self._reachable()
        self._origins.append(np.where(keeps_own, np.arange(len(keeps_own)), best))
        scores = np.where(keeps_own, self._scores, self._scores[best] - _CHANGE_COST)
        scores += evidence * min(1.0, seconds / _FULL_WEIGHT_SECONDS)
        self._scores = scores - scores.max()
        self._seconds += seconds
        if self._seconds > _MAX_UNDECIDED_SECONDS or len(self._origins) > _MAX_UNDECIDED_WINDOWS:
            return self.finish()
        # Every continuation passes through these states. If their paths meet in one language, all windows
        # before are decided.
        states = np.flatnonzero(self._reachable()[0])
        for count in range(len(self._origins), 0, -1):
            if len(states) == 1:
                return self._decided(count, int(states[0]))
            states = np.unique(self._origins[count - 1][states])
        return []

    def finish(self) -> list[str]:
        """The codes of all windows that are still undecided."""
        return self._decided(len(self._origins), int(self._scores.argmax())) if self._origins else []

    def _prior(self) -> np.ndarray:
        if self._hint not in self._codes:
            return np.zeros(len(self._codes))
        return np.where(np.array(self._codes) == self._hint, 0.0, -_HINT_ADVANTAGE)

    def _reachable(self) -> tuple[np.ndarray, int]:
        """The languages in which the next window may continue, and the most probable one, from which it may
        change."""
        best = int(self._scores.argmax())
        return self._scores >= self._scores[best] - _CHANGE_COST, best

    def _decided(self, count: int, last: int) -> list[str]:
        path = [last]
        for origins in reversed(self._origins[1:count]):
            path.append(int(origins[path[-1]]))
        del self._origins[:count]
        if not self._origins:
            self._seconds = 0.0
        return [self._codes[i] for i in reversed(path)]
