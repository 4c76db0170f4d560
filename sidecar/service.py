"""What the routes share: the model once it is there, and who may use it when."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

import anyio.to_thread

from .errors import Cancelled, RequestError, generation, overloaded, unready
from .model import Model
from .parameters import Parameters
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
    """Loading, then ready, then draining; one request has the model at a time."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.loaded: Loaded | None = None
        self.draining = False
        self.requests = 0
        self._turn = asyncio.Lock()
        self._stopped = threading.Event()

    def require_ready(self) -> Loaded:
        """Raises a `healthcheck` RequestError."""
        if self.draining:
            raise unready("the server is shutting down")
        if self.loaded is None:
            raise unready("the model is loading")
        return self.loaded

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[Loaded]:
        """A place among MAX_CONCURRENT_REQUESTS, or an `overloaded` RequestError at once."""
        loaded = self.require_ready()
        if self.requests >= self.settings.max_concurrent_requests:
            raise overloaded()
        self.requests += 1
        try:
            yield loaded
        finally:
            self.requests -= 1

    async def transcribe(
        self, file: BinaryIO, asked: Parameters, *, client_left: Callable[[], Awaitable[object]]
    ) -> Timed:
        """Raises RequestError, or Cancelled when the client leaves, queued or not."""
        loaded = self.loaded
        if loaded is None:
            raise unready("the model is loading")
        if asked.language not in (None, "en") and not loaded.transcriber.engine.multilingual:
            raise RequestError(422, "validation", f"language is {asked.language!r}; this model knows English only")
        gone = threading.Event()
        work = asyncio.ensure_future(self._in_turn(loaded.transcriber, file, asked, gone))
        leaving = asyncio.ensure_future(client_left())
        try:
            await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Cancelled
            return work.result()
        finally:
            gone.set()
            leaving.cancel()
            if not work.done():
                await self._abandon(work)

    async def _in_turn(
        self, transcriber: Transcriber, file: BinaryIO, asked: Parameters, gone: threading.Event
    ) -> Timed:
        arrived = time.perf_counter()
        async with self._turn:
            if gone.is_set():
                raise Cancelled
            started = time.perf_counter()

            def cancelled() -> bool:
                return gone.is_set() or self._stopped.is_set()

            def run() -> Transcript:
                longest = self.settings.max_audio_seconds
                return transcriber.transcribe(
                    file, asked, cancelled=cancelled, emit=lambda segments: None, longest=longest
                )

            try:
                transcript = await anyio.to_thread.run_sync(run)
            except (RequestError, Cancelled):
                raise
            except Exception as error:
                raise generation(f"the model failed: {error}") from error
            return Timed(transcript, started - arrived, time.perf_counter() - started)

    async def _abandon(self, work: asyncio.Future[Timed]) -> None:
        """The running thread ends by itself at its next look at `cancelled`; the model is free only then."""
        with suppress(Cancelled, RequestError):
            await work

    async def drain(self) -> None:
        """Takes no new request and returns when those in flight are done, at DRAIN_SECONDS at the latest."""
        self.draining = True
        deadline = time.monotonic() + self.settings.drain_seconds
        while self.requests and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        self._stopped.set()
