"""A RequestError → its HTTP response."""

import asyncio
import logging
import re

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from ..errors import RequestError

log = logging.getLogger("sidecar")

_LINGER_SECONDS = 2.0
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class ErrorResponse(JSONResponse):
    """Can respond before the body is read. It then reads on for a while and discards what it reads.

    A connection that is closed while the client still sends is reset, and the client loses the response.
    """

    def __init__(self, request: Request, error: RequestError):
        headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
        self._unread = _has_unread_body(request)
        if self._unread:
            headers["connection"] = "close"
        super().__init__(error.body, error.status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._unread:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                    pass
        except TimeoutError:
            pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def log_failure(request: Request, error: RequestError) -> None:
    """Logs a failure of the server (424) with the request's `traceparent` (W3C Trace Context), if it is
    valid."""
    if error.status != 424:
        return
    traceparent = request.headers.get("traceparent", "")
    trace = f" (traceparent {traceparent})" if _TRACEPARENT.fullmatch(traceparent) else ""
    log.error("%s%s", error.message, trace, exc_info=error.__cause__)


def _has_unread_body(request: Request) -> bool:
    headers = request.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return False
    return not getattr(request.state, "read", False)
