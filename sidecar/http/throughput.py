"""The speed of transcription, over all requests."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Seconds of audio per second, assumed until measured: Whisper base on two cores does more, large does less.
_INITIAL_SPEED = 10.0
_INITIAL_SECONDS = 1.0
_MAX_SECONDS = 120.0


class Throughput:
    """Seconds of audio transcribed per second during which any request was transcribed.

    Older measurements count less and less, over some minutes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._audio = _INITIAL_SPEED * _INITIAL_SECONDS
        self._busy = _INITIAL_SECONDS
        self._working = 0
        self._since = 0.0

    @property
    def speed(self) -> float:
        """Seconds of audio per second."""
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

    def record(self, seconds: float) -> None:
        self._audio += seconds

    def _tick(self) -> None:
        now = self._clock()
        if self._working:
            self._busy += now - self._since
        self._since = now
        if self._busy > _MAX_SECONDS:
            self._audio *= _MAX_SECONDS / 2 / self._busy
            self._busy = _MAX_SECONDS / 2
