"""How much the server holds for its requests, and the point at which it takes no more."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import RequestError, overloaded
from .pace import Pace

_LATEST = 600


class Admission:
    """Requests in flight, the bytes held for them and the seconds of their audio that are still to be done.

    For the event loop alone.
    """

    def __init__(self, *, requests: int, seconds: float, size: int, pace: Pace):
        """The most that is held: requests, seconds of audio, bytes."""
        self._most_requests = requests
        self._most_seconds = seconds
        self._most_bytes = size
        self._pace = pace
        self.requests = 0
        self.seconds = 0.0
        self.size = 0

    @contextmanager
    def place(self, *, declared: int) -> Iterator["Place"]:
        """Raises `overloaded` when there is none. declared: bytes that the body will have, 0 where that is unknown."""
        if self.requests >= self._most_requests:
            raise self.full(f"{self.requests} requests are in flight (MAX_CONCURRENT_REQUESTS)")
        place = Place(self)
        place.measured(0.0)
        place.hold(declared)
        self.requests += 1
        try:
            yield place
        finally:
            self.requests -= 1
            place.leave()

    def full(self, why: str) -> RequestError:
        # By then half of what waits is done; were all of it, the server would be idle when they come back.
        wait = math.ceil(self.seconds / self._pace.speed / 2)
        return overloaded(why, retry_after=min(max(wait, 1), _LATEST))

    def require_room(self, size: int, *, held: int) -> None:
        """A request with nothing beside it may be of any size that MAX_INPUT_BYTES allows."""
        others = self.size - held
        if others and others + size > self._most_bytes:
            raise self.full(f"{self.size} bytes of audio are held (MAX_QUEUED_BYTES)")

    def require_time(self) -> None:
        if self.seconds >= self._most_seconds:
            raise self.full(f"{self.seconds:.0f} s of audio are queued (MAX_QUEUED_SECONDS)")

    def did(self, seconds: float) -> None:
        self.seconds -= seconds
        self._pace.did(seconds)


class Place:
    """One request's share of what is held."""

    def __init__(self, admission: Admission):
        self._admission = admission
        self._size = 0
        self._seconds = 0.0
        self._done = 0.0

    def hold(self, size: int) -> None:
        """`size` bytes are held for it, or soon will be. Raises `overloaded`."""
        if size > self._size:
            self._admission.require_room(size, held=self._size)
        self._admission.size += size - self._size
        self._size = size

    def measured(self, seconds: float) -> None:
        """Its audio lasts so long. Raises `overloaded`."""
        self._admission.require_time()
        self._seconds = seconds
        self._admission.seconds += seconds

    def done(self, until: float) -> None:
        """Its first `until` seconds of audio are done."""
        until = min(until, self._seconds)
        if until > self._done:
            self._admission.did(until - self._done)
            self._done = until

    def finished(self) -> None:
        self.done(self._seconds)

    def leave(self) -> None:
        self._admission.seconds -= self._seconds - self._done
        self._admission.size -= self._size
        self._seconds = self._done = 0.0
        self._size = 0
