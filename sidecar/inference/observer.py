"""The port through which inference reports its progress, for metrics."""

from typing import Protocol


class Observer(Protocol):
    """May be called from any thread. Every method returns at once."""

    def audio(self, seconds: float) -> None:
        """That many seconds of audio were decoded."""

    def window(self, seconds: float) -> None:
        """A window of that many seconds was cut."""

    def batch(self, stage: str, *, size: int, limit: int, seconds: float) -> None:
        """A batch of `size` windows (at most `limit`) was `encoded` or `decoded` in that many seconds."""

    def redecoded(self, reason: str) -> None:
        """A window is decoded again, because of `doubtful` text, a `rest` without text, `memory` or an
        `error`, or as another `pass` of its quality."""


class NullObserver:
    """Ignores every report."""

    def audio(self, seconds: float) -> None: ...

    def window(self, seconds: float) -> None: ...

    def batch(self, stage: str, *, size: int, limit: int, seconds: float) -> None: ...

    def redecoded(self, reason: str) -> None: ...
