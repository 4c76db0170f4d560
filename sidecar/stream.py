"""`/generate_stream`: each segment the moment it and all before it are done, then the whole."""

import asyncio
from contextlib import suppress

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from .answer import event, last_event
from .errors import Cancelled, RequestError
from .problem import report
from .segments import Segment
from .service import Service
from .sse import EventStream
from .work import Work, taken

_KEEP_ALIVE = 15.0


class Stream:
    """What goes wrong before the audio is known to be audio has its own status; after that it is an event."""

    def __init__(self, request: Request, service: Service):
        self._request = request
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        events = EventStream(send, idle=self._service.settings.idle_seconds)
        try:
            async with taken(self._request, self._service) as work:
                await _answered(work, events)
        except RequestError as error:
            if not events.opened:
                raise
            report(self._request, error)
            with suppress(Cancelled):
                await events.event(error.body)
                await events.close()
        except Cancelled:
            if not events.opened:
                raise


async def _answered(work: Work, events: EventStream) -> None:
    await events.open({"x-compute-type": work.loaded.transcriber.engine.device})
    parameters = work.asked.parameters
    told: asyncio.Queue[list[Segment] | None] = asyncio.Queue()
    running = asyncio.ensure_future(work.run(told.put_nowait))
    running.add_done_callback(lambda _: told.put_nowait(None))
    try:
        count = 0
        while (segments := await _next(told, events)) is not None:
            for segment in segments:
                count += 1
                await events.event(event(segment, parameters, index=count))
        transcript = (await running).transcript
    finally:
        if not running.done():
            running.cancel()
            await asyncio.wait({running})
    await events.event(last_event(transcript, parameters, index=count + 1, model=work.loaded.model.name))
    await events.close()


async def _next(told: asyncio.Queue[list[Segment] | None], events: EventStream) -> list[Segment] | None:
    while True:
        try:
            async with asyncio.timeout(_KEEP_ALIVE):
                return await told.get()
        except TimeoutError:
            await events.comment()
