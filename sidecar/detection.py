"""Which language each window is in, from what the windows around it say."""

import numpy as np

_ENOUGH_SECONDS = 5.0
_FLOOR = 1e-4
_CHANGE = 3.0
_PATIENCE_SECONDS = 20.0
_PATIENCE_WINDOWS = 12


class LanguageTrack:
    """The likeliest sequence of languages (Viterbi), each window's told as soon as no later window can change it.

    A window's log-probabilities count in full from 5 s of speech on: shorter ones are often wrong and sure of it.
    A change of language costs 3 nats, so one window outvotes its neighbours only when it is very clear. Windows that
    20 s of speech leave in doubt are decided by what is known.
    """

    def __init__(self) -> None:
        self._codes: list[str] = []
        self._scores = np.zeros(0)
        self._origins: list[np.ndarray] = []
        self._seconds = 0.0

    def push(self, probabilities: dict[str, float], seconds: float) -> list[str]:
        """Takes the next window, with its seconds of speech; returns the codes decided now, in the windows' order."""
        if not self._codes:
            self._codes = sorted(probabilities)
            self._scores = np.zeros(len(self._codes))
        evidence = np.log(np.maximum([probabilities[code] for code in self._codes], _FLOOR))
        stays, best = self._open()
        self._origins.append(np.where(stays, np.arange(len(stays)), best))
        scores = np.where(stays, self._scores, self._scores[best] - _CHANGE)
        scores += evidence * min(1.0, seconds / _ENOUGH_SECONDS)
        self._scores = scores - scores.max()
        self._seconds += seconds
        if self._seconds > _PATIENCE_SECONDS or len(self._origins) > _PATIENCE_WINDOWS:
            return self.finish()
        # Every way on leads through these; where their pasts meet in one language, all before it is certain.
        states = np.flatnonzero(self._open()[0])
        for count in range(len(self._origins), 0, -1):
            if len(states) == 1:
                return self._decided(count, int(states[0]))
            states = np.unique(self._origins[count - 1][states])
        return []

    def finish(self) -> list[str]:
        """The codes of all windows that are not decided yet."""
        return self._decided(len(self._origins), int(self._scores.argmax())) if self._origins else []

    def _open(self) -> tuple[np.ndarray, int]:
        """Which languages the next window may go on with, and the likeliest, from which it may change."""
        best = int(self._scores.argmax())
        return self._scores >= self._scores[best] - _CHANGE, best

    def _decided(self, count: int, last: int) -> list[str]:
        path = [last]
        for origins in reversed(self._origins[1:count]):
            path.append(int(origins[path[-1]]))
        del self._origins[:count]
        if not self._origins:
            self._seconds = 0.0
        return [self._codes[i] for i in reversed(path)]
