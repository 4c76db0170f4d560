"""What the routes share: the model once it is there, who may use it, and what is measured of it."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import anyio.to_thread

from . import length
from .admission import Admission, Place
from .body import Asked
from .errors import Cancelled, RequestError, generation, shutting_down, unready, validation
from .memory import Memory
from .metrics import Metrics
from .model import Model
from .pace import Pace
from .segments import Segment
from .settings import Settings
from .transcribe import Transcriber, Transcript


@dataclass(frozen=True)
class Loaded:
    model: Model
    transcriber: Transcriber


@dataclass(frozen=True)
class Timed:
    """Seconds spent waiting for the model, and being worked on."""

    transcript: Transcript
    queued: float
    inference: float


class Service:
    """Loading, then ready, then draining."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.loaded: Loaded | None = None
        self.draining = False
        self.pace = Pace()
        self.admission = Admission(
            requests=settings.max_concurrent_requests,
            seconds=settings.max_queued_seconds,
            size=settings.max_queued_bytes,
            pace=self.pace,
        )
        self.metrics = Metrics(
            waiting=lambda: self.loaded.transcriber.waiting if self.loaded else 0,
            requests=lambda: self.admission.requests,
            seconds=lambda: self.admission.seconds,
            size=lambda: self.admission.size,
            speed=lambda: self.pace.speed,
        )
        self._memory = Memory()
        self._threads = anyio.CapacityLimiter(settings.max_concurrent_requests)
        self._stopped = threading.Event()

    def require_ready(self) -> Loaded:
        """Raises a `healthcheck` RequestError."""
        if self.draining:
            raise shutting_down()
        if self.loaded is None:
            raise unready("the model is loading")
        return self.loaded

    @contextmanager
    def place(self, *, declared: int) -> Iterator[Place]:
        """Raises an `overloaded` RequestError. declared: bytes that the body will have, 0 where that is unknown."""
        try:
            with self.admission.place(declared=declared) as place:
                self._memory.busy()
                yield place
        finally:
            if not self.admission.requests:
                self._memory.idle()

    async def measure(self, asked: Asked, place: Place, loaded: Loaded) -> None:
        """Finds what can be known to be wrong before any work. Raises a `validation` or `overloaded` RequestError."""
        language = asked.parameters.language
        if language not in (None, "en") and not loaded.transcriber.engine.multilingual:
            raise validation(f"language is {language!r}; this model knows English only")
        longest = self.settings.max_audio_seconds
        place.measured(
            await anyio.to_thread.run_sync(lambda: length.seconds(asked.audio, longest=longest), limiter=self._threads)
        )

    async def transcribe(
        self,
        asked: Asked,
        place: Place,
        loaded: Loaded,
        *,
        client_left: Callable[[], Awaitable[object]],
        tell: Callable[[list[Segment]], None],
    ) -> Timed:
        """Calls `tell` with the segments in order, on the event loop.

        Raises RequestError, or Cancelled when the client leaves.
        """
        gone = threading.Event()
        work = asyncio.ensure_future(self._run(loaded.transcriber, asked, place, gone, tell))
        leaving = asyncio.ensure_future(client_left())
        try:
            await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Cancelled
            timed = work.result()
        finally:
            gone.set()
            leaving.cancel()
            if not work.done():
                await self._abandon(work)
        place.finished()
        self.metrics.worked(queued=timed.queued, inference=timed.inference)
        return timed

    async def _run(
        self,
        transcriber: Transcriber,
        asked: Asked,
        place: Place,
        gone: threading.Event,
        tell: Callable[[list[Segment]], None],
    ) -> Timed:
        loop = asyncio.get_running_loop()

        def told(segments: list[Segment]) -> None:
            if not gone.is_set():
                place.done(segments[-1].end)
                tell(segments)

        def cancelled() -> bool:
            return gone.is_set() or self._stopped.is_set()

        def run() -> Transcript:
            return transcriber.transcribe(
                asked.audio,
                asked.parameters,
                cancelled=cancelled,
                emit=lambda segments: loop.call_soon_threadsafe(told, segments),
                longest=self.settings.max_audio_seconds,
            )

        started = time.perf_counter()
        with self.pace.working():
            try:
                transcript = await anyio.to_thread.run_sync(run, limiter=self._threads)
            except RequestError:
                raise
            except Cancelled:
                if self._stopped.is_set() and not gone.is_set():
                    raise shutting_down() from None
                raise
            except Exception as error:
                raise generation(f"the model failed: {error}") from error
        return Timed(transcript, transcript.queued, time.perf_counter() - started - transcript.queued)

    async def _abandon(self, work: asyncio.Future[Timed]) -> None:
        """The running thread ends by itself at its next look at `cancelled`."""
        with suppress(Cancelled, RequestError):
            await work

    async def drain(self) -> None:
        """Takes no new request and returns when those in flight are done, at DRAIN_SECONDS at the latest."""
        self.draining = True
        deadline = time.monotonic() + self.settings.drain_seconds
        while self.admission.requests and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        self._stopped.set()
