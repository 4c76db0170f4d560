"""What the inference half tells of its work; the metrics listen."""

from typing import Protocol


class Observer(Protocol):
    """May be called from any thread; every method returns at once."""

    def audio(self, seconds: float) -> None:
        """Seconds of audio taken in."""

    def window(self, seconds: float) -> None:
        """A window of that many seconds was cut."""

    def batch(self, stage: str, *, size: int, limit: int, seconds: float) -> None:
        """A batch of `size` windows (at most `limit`) was `encoded` or `decoded` in that many seconds."""

    def again(self, reason: str) -> None:
        """A window is decoded again: `doubtful`, `rest`, `memory` or `error`."""


class Silent:
    """Listens to nothing."""

    def audio(self, seconds: float) -> None: ...

    def window(self, seconds: float) -> None: ...

    def batch(self, stage: str, *, size: int, limit: int, seconds: float) -> None: ...

    def again(self, reason: str) -> None: ...
