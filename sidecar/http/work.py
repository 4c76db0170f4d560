"""A transcription request, from its headers to its response."""

import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import Request

from ..errors import unauthorized
from ..inference.segments import Segment
from . import body
from .admission import Permit
from .body import TranscribeRequest
from .loaded import Loaded
from .service import Service, Timed


@dataclass(frozen=True)
class Work:
    """An admitted request: its body was received, its audio checked, and it holds a permit."""

    http_request: Request
    service: Service
    loaded: Loaded
    request: TranscribeRequest
    permit: Permit

    async def run(self, on_segments: Callable[[list[Segment]], None]) -> Timed:
        """Calls `on_segments` with segments as they are done. Raises RequestError, or Cancelled if the client
        disconnects."""
        return await self.service.transcribe(
            self.request,
            self.permit,
            self.loaded,
            client_left=lambda: _disconnected(self.http_request),
            on_segments=on_segments,
        )


@asynccontextmanager
async def admitted(request: Request, service: Service) -> AsyncIterator[Work]:
    """`received`, with the model that the request names."""
    async with (
        received(request, service) as (transcribe_request, permit),
        service.models.lease(transcribe_request) as loaded,
    ):
        yield Work(request, service, loaded, transcribe_request, permit)


@asynccontextmanager
async def received(request: Request, service: Service) -> AsyncIterator[tuple[TranscribeRequest, Permit]]:
    """Counts the request and holds its permit while the block runs; then removes its spooled audio.

    Raises RequestError, or ClientDisconnect while the body is read.
    """
    settings = service.settings
    with service.metrics.request():
        authorize(request, settings.api_key)
        service.require_ready()
        head = body.read_head(request, limit=settings.max_input_bytes)
        service.models.require(head.parameters.model)
        with service.permit(declared=head.length) as permit:
            transcribe_request = await body.read(request, head, permit, settings)
            with transcribe_request.audio:
                await service.inspect(transcribe_request, permit)
                yield transcribe_request, permit


def authorize(request: Request, key: str | None) -> None:
    if key is None:
        return
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), key.encode()):
        raise unauthorized()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
