"""`/generate_stream`: each segment once it and all before it are done, then the whole transcript."""

import asyncio
from contextlib import suppress

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from ..errors import Cancelled, RequestError
from ..inference.segments import Segment
from .answer import event, last_event
from .error_response import log_failure
from .service import Service
from .sse import EventStream
from .work import Work, admitted

_KEEP_ALIVE = 15.0


class Stream:
    """An error before the audio is checked has its own status. A later error is an event."""

    def __init__(self, request: Request, service: Service):
        self._request = request
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        events = EventStream(send, idle=self._service.settings.idle_seconds)
        try:
            async with admitted(self._request, self._service) as work:
                await _stream(work, events)
        except RequestError as error:
            if not events.opened:
                raise
            log_failure(self._request, error)
            with suppress(Cancelled):
                await events.event(error.body)
                await events.close()
        except Cancelled:
            if not events.opened:
                raise


async def _stream(work: Work, events: EventStream) -> None:
    await events.open({"x-compute-type": work.loaded.transcriber.engine.device})
    parameters = work.request.parameters
    segments_queue: asyncio.Queue[list[Segment] | None] = asyncio.Queue()
    running = asyncio.ensure_future(work.run(segments_queue.put_nowait))
    running.add_done_callback(lambda _: segments_queue.put_nowait(None))
    try:
        count = 0
        while (segments := await _next_segments(segments_queue, events)) is not None:
            for segment in segments:
                count += 1
                await events.event(event(segment, parameters, index=count))
        timed = await running
    finally:
        if not running.done():
            running.cancel()
            await asyncio.wait({running})
    await events.event(last_event(timed, parameters, index=count + 1, model=work.loaded.model.name))
    await events.close()


async def _next_segments(
    segments_queue: asyncio.Queue[list[Segment] | None], events: EventStream
) -> list[Segment] | None:
    while True:
        try:
            async with asyncio.timeout(_KEEP_ALIVE):
                return await segments_queue.get()
        except TimeoutError:
            await events.comment()
