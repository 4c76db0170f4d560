"""Server-sent events over ASGI."""

import asyncio
import json
from collections.abc import Mapping

from starlette.types import Send

from ..errors import Cancelled

_HEADERS = {"content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no"}


class EventStream:
    """Every method raises Cancelled if the client has read nothing for `idle` seconds."""

    def __init__(self, send: Send, *, idle: float):
        self._send = send
        self._idle = idle
        self.opened = False

    async def open(self, headers: dict[str, str]) -> None:
        """Sends the headers, and a comment so that no proxy holds them back."""
        self.opened = True
        raw = [(name.encode(), value.encode()) for name, value in {**_HEADERS, **headers}.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": raw})
        await self.comment()

    async def event(self, data: Mapping[str, object]) -> None:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        await self._write(f"data: {text}\n\n".encode())

    async def comment(self) -> None:
        await self._write(b":\n\n")

    async def close(self) -> None:
        await self._write(b"", more=False)

    async def _write(self, body: bytes, *, more: bool = True) -> None:
        try:
            async with asyncio.timeout(self._idle):
                await self._send({"type": "http.response.body", "body": body, "more_body": more})
        except TimeoutError:
            raise Cancelled from None
