"""A request to transcribe, from its headers until it is answered."""

import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import Request

from . import body
from .admission import Place
from .body import Asked
from .errors import unauthorized
from .segments import Segment
from .service import Loaded, Service, Timed


@dataclass(frozen=True)
class Work:
    """A request whose body is in, whose audio can be read, and which has its place."""

    request: Request
    service: Service
    loaded: Loaded
    asked: Asked
    place: Place

    async def run(self, tell: Callable[[list[Segment]], None]) -> Timed:
        """Calls `tell` with segments as they come. Raises RequestError, or Cancelled when the client leaves."""
        return await self.service.transcribe(
            self.asked, self.place, self.loaded, client_left=lambda: _disconnected(self.request), tell=tell
        )


@asynccontextmanager
async def taken(request: Request, service: Service) -> AsyncIterator[Work]:
    """Counts the request and keeps its place while the block runs; what it spooled is gone afterwards.

    Raises RequestError; ClientDisconnect while the body is read.
    """
    settings = service.settings
    with service.metrics.request():
        authorize(request, settings.api_key)
        loaded = service.require_ready()
        head = body.head(request, limit=settings.max_input_bytes)
        with service.place(declared=head.length) as place:
            asked = await body.read(request, head, place, settings)
            with asked.audio:
                await service.measure(asked, place, loaded)
                yield Work(request, service, loaded, asked, place)


def authorize(request: Request, key: str | None) -> None:
    if key is None:
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), key.encode()):
        raise unauthorized()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
