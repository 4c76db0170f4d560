"""Admission control: which requests are accepted, and when the server is full."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import RequestError, overloaded
from .throughput import Throughput

_MAX_RETRY_SECONDS = 600


class Admission:
    """Limits the requests in flight, the bytes held for them, and the seconds of audio still to transcribe.

    Only for the event loop's thread.
    """

    def __init__(self, *, requests: int, seconds: float, size: int, throughput: Throughput):
        """The limits: number of requests, seconds of audio, bytes."""
        self._max_requests = requests
        self._max_seconds = seconds
        self._max_bytes = size
        self._throughput = throughput
        self._permits: set[Permit] = set()

    @property
    def requests(self) -> int:
        return len(self._permits)

    @property
    def seconds(self) -> float:
        return sum(permit.seconds_left for permit in self._permits)

    @property
    def size(self) -> int:
        return sum(permit.size for permit in self._permits)

    @contextmanager
    def permit(self, *, declared: int) -> Iterator["Permit"]:
        """Raises `overloaded` if a limit is reached. declared: the body's Content-Length, 0 if unknown."""
        if self.requests >= self._max_requests:
            raise self.full(f"{self.requests} requests are in flight (MAX_CONCURRENT_REQUESTS)")
        self.require_seconds()
        permit = Permit(self, self._throughput)
        permit.hold(declared)
        self._permits.add(permit)
        try:
            yield permit
        finally:
            self._permits.discard(permit)

    def full(self, reason: str) -> RequestError:
        # After this time half of the queued audio is done. With the time for all of it, the server would be
        # idle when the clients come back.
        wait = math.ceil(self.seconds / self._throughput.speed / 2)
        return overloaded(reason, retry_after=min(max(wait, 1), _MAX_RETRY_SECONDS))

    def require_bytes(self, size: int, *, permit: "Permit") -> None:
        """A request that is the only one in flight may have any size up to MAX_INPUT_BYTES."""
        others = sum(other.size for other in self._permits if other is not permit)
        if others and others + size > self._max_bytes:
            raise self.full(f"{self.size} bytes of audio are held (MAX_QUEUED_BYTES)")

    def require_seconds(self) -> None:
        if self.seconds >= self._max_seconds:
            raise self.full(f"{self.seconds:.0f} s of audio are queued (MAX_QUEUED_SECONDS)")


class Permit:
    """One request's share of the limits: bytes held, and seconds of audio still to transcribe."""

    def __init__(self, admission: Admission, throughput: Throughput):
        self._admission = admission
        self._throughput = throughput
        self.size = 0
        self.seconds_left = 0.0
        self._done_seconds = 0.0

    def hold(self, size: int) -> None:
        """Sets the bytes held for the request, or expected soon. Raises `overloaded`."""
        if size > self.size:
            self._admission.require_bytes(size, permit=self)
        self.size = size

    def set_duration(self, seconds: float) -> None:
        """Sets the length of the audio. Raises `overloaded`."""
        self._admission.require_seconds()
        self.seconds_left = seconds

    def done(self, until: float) -> None:
        """The first `until` seconds of audio are transcribed."""
        more = min(until - self._done_seconds, self.seconds_left)
        if more > 0:
            self.seconds_left -= more
            self._done_seconds += more
            self._throughput.record(more)

    def complete(self) -> None:
        self.done(self._done_seconds + self.seconds_left)
