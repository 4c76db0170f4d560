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
        self._places: set[Place] = set()

    @property
    def requests(self) -> int:
        return len(self._places)

    @property
    def seconds(self) -> float:
        return sum(place.seconds_left for place in self._places)

    @property
    def size(self) -> int:
        return sum(place.size for place in self._places)

    @contextmanager
    def place(self, *, declared: int) -> Iterator["Place"]:
        """Raises `overloaded` when there is none. declared: bytes that the body will have, 0 where that is unknown."""
        if self.requests >= self._most_requests:
            raise self.full(f"{self.requests} requests are in flight (MAX_CONCURRENT_REQUESTS)")
        self.require_time()
        place = Place(self, self._pace)
        place.hold(declared)
        self._places.add(place)
        try:
            yield place
        finally:
            self._places.discard(place)

    def full(self, why: str) -> RequestError:
        # By then half of what waits is done; were all of it, the server would be idle when they come back.
        wait = math.ceil(self.seconds / self._pace.speed / 2)
        return overloaded(why, retry_after=min(max(wait, 1), _LATEST))

    def require_room(self, size: int, *, place: "Place") -> None:
        """A request with nothing beside it may be of any size that MAX_INPUT_BYTES allows."""
        others = sum(other.size for other in self._places if other is not place)
        if others and others + size > self._most_bytes:
            raise self.full(f"{self.size} bytes of audio are held (MAX_QUEUED_BYTES)")

    def require_time(self) -> None:
        if self.seconds >= self._most_seconds:
            raise self.full(f"{self.seconds:.0f} s of audio are queued (MAX_QUEUED_SECONDS)")


class Place:
    """One request's share of what is held: bytes, and seconds of audio that are still to be done."""

    def __init__(self, admission: Admission, pace: Pace):
        self._admission = admission
        self._pace = pace
        self.size = 0
        self.seconds_left = 0.0
        self._done = 0.0

    def hold(self, size: int) -> None:
        """`size` bytes are held for it, or soon will be. Raises `overloaded`."""
        if size > self.size:
            self._admission.require_room(size, place=self)
        self.size = size

    def measured(self, seconds: float) -> None:
        """Its audio lasts so long. Raises `overloaded`."""
        self._admission.require_time()
        self.seconds_left = seconds

    def done(self, until: float) -> None:
        """Its first `until` seconds of audio are done."""
        more = min(until - self._done, self.seconds_left)
        if more > 0:
            self.seconds_left -= more
            self._done += more
            self._pace.did(more)

    def finished(self) -> None:
        self.done(self._done + self.seconds_left)
