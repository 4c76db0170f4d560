"""How fast audio is worked off, all requests together."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# What is believed before anything was measured: Whisper base on two cores does more, large on them less.
_GUESS = 10.0
_WEIGHT = 1.0
_MEMORY = 120.0


class Pace:
    """Counts seconds of audio done against seconds of the clock during which any request was at work.

    What lies minutes of work back counts for less and less.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._audio = _GUESS * _WEIGHT
        self._busy = _WEIGHT
        self._working = 0
        self._since = 0.0

    @property
    def speed(self) -> float:
        """Seconds of audio a second."""
        self._tick()
        return self._audio / self._busy

    @contextmanager
    def working(self) -> Iterator[None]:
        self._tick()
        self._working += 1
        try:
            yield
        finally:
            self._tick()
            self._working -= 1

    def did(self, seconds: float) -> None:
        self._audio += seconds

    def _tick(self) -> None:
        now = self._clock()
        if self._working:
            self._busy += now - self._since
        self._since = now
        if self._busy > _MEMORY:
            self._audio *= _MEMORY / 2 / self._busy
            self._busy = _MEMORY / 2
