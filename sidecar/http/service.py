"""What the routes share: the models, admission control and metrics."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import anyio.to_thread

from ..audio import length
from ..diarization.diarizer import Diarization
from ..errors import Cancelled, RequestError, generation, shutting_down
from ..inference.segments import Segment
from ..inference.transcribe import Transcriber
from ..inference.transcript import Transcript
from ..settings import Settings
from .admission import Admission, Permit
from .body import TranscribeRequest
from .diarization import DiarizationModels, DiarizingListener, hear_all
from .loaded import Loaded
from .memory import Memory
from .metrics import Metrics
from .models import Models
from .throughput import Throughput

T = TypeVar("T")


@dataclass(frozen=True)
class Speakers:
    """`error`: one sentence, if there is no diarization."""

    diarization: Diarization | None
    error: str | None


@dataclass(frozen=True)
class Timed:
    """`speakers`: None if they were not requested. `queued`, `inference`: seconds spent waiting for the
    model, and transcribing."""

    transcript: Transcript
    speakers: Speakers | None
    queued: float
    inference: float


class Service:
    """Its states: loading, ready, draining."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.draining = False
        self.throughput = Throughput()
        self.admission = Admission(
            requests=settings.max_concurrent_requests,
            seconds=settings.max_queued_seconds,
            size=settings.max_queued_bytes,
            throughput=self.throughput,
        )
        self.metrics = Metrics(
            models=lambda: self.models.entries,
            requests=lambda: self.admission.requests,
            seconds=lambda: self.admission.seconds,
            size=lambda: self.admission.size,
            speed=lambda: self.throughput.speed,
        )
        self.diarization = DiarizationModels(settings)
        self._memory = Memory()
        self.models = Models(settings, self.metrics, unloaded=self._memory.release)
        self._threads = anyio.CapacityLimiter(settings.max_concurrent_requests)
        self._stopped = threading.Event()

    def require_ready(self) -> None:
        """Raises a `healthcheck` RequestError."""
        if self.draining:
            raise shutting_down()
        self.models.require_ready()

    @contextmanager
    def permit(self, *, declared: int) -> Iterator[Permit]:
        """Raises an `overloaded` RequestError. declared: the body's Content-Length, 0 if unknown."""
        try:
            with self.admission.permit(declared=declared) as permit:
                self._memory.busy()
                yield permit
        finally:
            if not self.admission.requests:
                self._memory.idle()

    async def inspect(self, request: TranscribeRequest, permit: Permit) -> None:
        """Checks the length of the audio. Raises a `validation` or `overloaded` RequestError."""
        longest = self.settings.max_audio_seconds
        permit.set_duration(await self._on_thread(lambda: length.seconds(request.audio, longest=longest)))

    async def transcribe(
        self,
        request: TranscribeRequest,
        permit: Permit,
        loaded: Loaded,
        *,
        client_left: Callable[[], Awaitable[object]],
        on_segments: Callable[[list[Segment]], None],
    ) -> Timed:
        """Calls `on_segments` with the segments, in order, on the event loop.

        Raises RequestError, or Cancelled if the client disconnects.
        """
        client_gone = threading.Event()
        work = asyncio.ensure_future(self._run(loaded.transcriber, request, permit, client_gone, on_segments))
        leaving = asyncio.ensure_future(client_left())
        try:
            await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Cancelled
            timed = work.result()
        finally:
            client_gone.set()
            leaving.cancel()
            if not work.done():
                await self._abandon(work)
        permit.complete()
        self.metrics.record_durations(queued=timed.queued, inference=timed.inference)
        return timed

    async def _run(
        self,
        transcriber: Transcriber,
        request: TranscribeRequest,
        permit: Permit,
        client_gone: threading.Event,
        on_segments: Callable[[list[Segment]], None],
    ) -> Timed:
        loop = asyncio.get_running_loop()

        def report(segments: list[Segment]) -> None:
            if not client_gone.is_set():
                permit.done(segments[-1].end)
                on_segments(segments)

        def report_later(segments: list[Segment]) -> None:
            loop.call_soon_threadsafe(report, segments)

        def cancelled() -> bool:
            return client_gone.is_set() or self._stopped.is_set()

        def run() -> tuple[Transcript, Speakers | None]:
            parameters = request.parameters
            listener = (
                DiarizingListener(self.diarization, parameters, cancelled) if parameters.speakers else None
            )
            longest = self.settings.max_audio_seconds
            try:
                if listener and parameters.task == "diarize":
                    transcript = hear_all(listener, request.audio, longest=longest, cancelled=cancelled)
                else:
                    transcript = transcriber.transcribe(
                        request.audio,
                        parameters,
                        cancelled=cancelled,
                        on_segments=report_later,
                        longest=longest,
                        listener=listener,
                    )
                return transcript, Speakers(listener.finish(), listener.error) if listener else None
            finally:
                if listener:
                    listener.close()

        started = time.perf_counter()
        with self.throughput.working():
            try:
                transcript, speakers = await anyio.to_thread.run_sync(run, limiter=self._threads)
            except RequestError:
                raise
            except Cancelled:
                if self._stopped.is_set() and not client_gone.is_set():
                    raise shutting_down() from None
                raise
            except Exception as error:
                raise generation(f"the model failed: {error}") from error
        return Timed(
            transcript, speakers, transcript.queued, time.perf_counter() - started - transcript.queued
        )

    async def _abandon(self, work: asyncio.Future[Timed]) -> None:
        """Waits for the running thread, which ends when it next polls `cancelled`."""
        with suppress(Cancelled, RequestError):
            await work

    async def _on_thread(self, function: Callable[..., T], *arguments: object) -> T:
        # Unlike asyncio's, anyio's threads do not delay the end of the process.
        return await anyio.to_thread.run_sync(
            function, *arguments, abandon_on_cancel=True, limiter=self._threads
        )

    async def drain(self) -> None:
        """Refuses new requests. Returns when those in flight are done, or after DRAIN_SECONDS."""
        self.draining = True
        deadline = time.monotonic() + self.settings.drain_seconds
        while self.admission.requests and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        self._stopped.set()
