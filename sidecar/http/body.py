"""A request's body → the audio in a file, and the parameters."""

import asyncio
import tempfile
from dataclasses import dataclass, replace
from typing import IO

from starlette.requests import Request

from ..errors import RequestError, overloaded, too_large, too_slow, validation
from ..inference.parameters import Parameters
from ..settings import Settings
from .admission import Permit
from .inputs import Inputs
from .parameters import parse

_MAX_IN_MEMORY_BYTES = 1 << 20
_STORAGE_RETRY_SECONDS = 30


@dataclass(frozen=True)
class TranscribeRequest:
    """The holder closes `audio`, which is positioned at its start. `suggested_model`: used only if it is one
    of the server's, and the parameters name none."""

    audio: IO[bytes]
    parameters: Parameters
    suggested_model: str | None


@dataclass(frozen=True)
class RequestHead:
    """What the headers and the query say: `length` is Content-Length, 0 if absent."""

    length: int
    json: bool
    query: dict[str, object]
    parameters: Parameters


def read_head(request: Request, *, limit: int) -> RequestHead:
    """limit: bytes of audio. Raises RequestError: 422 if the request is invalid, 413 if it is too large."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise validation(f"send the audio itself as the body (Content-Type: audio/…), not {kind}")
    try:
        length = int(request.headers.get("content-length", "0"))
    except ValueError:
        raise validation("Content-Length is not a number of bytes") from None
    is_json = kind == "application/json"
    if length > _max_body_bytes(limit, json=is_json):
        raise too_large(limit)
    query: dict[str, object] = dict(request.query_params)
    return RequestHead(length, is_json, query, parse(query))


async def read(request: Request, head: RequestHead, permit: Permit, settings: Settings) -> TranscribeRequest:
    """Raises RequestError (408 if the body stalls) or ClientDisconnect.

    Audio up to 1 MiB is held in memory, larger audio in an unnamed temporary file.
    """
    file = tempfile.SpooledTemporaryFile(_MAX_IN_MEMORY_BYTES)
    try:
        parameters, suggested_model = await _receive(file, request, head, permit, settings)
        file.seek(0)
        share, hurried = request.headers.get("x-share") or None, "x-unhurried" not in request.headers
        parameters = replace(parameters, share=share, hurried=hurried)
        return TranscribeRequest(file, parameters, suggested_model)
    except BaseException as error:
        file.close()
        if isinstance(error, OSError):
            raise _storage_failed(error) from error
        raise


async def _receive(
    file: IO[bytes], request: Request, head: RequestHead, permit: Permit, settings: Settings
) -> tuple[Parameters, str | None]:
    limit, idle = settings.max_input_bytes, settings.idle_seconds
    inputs = Inputs(file, limit=limit) if head.json else None
    size = 0
    try:
        async with asyncio.timeout(idle) as patience:
            async for chunk in request.stream():
                patience.reschedule(asyncio.get_running_loop().time() + idle)
                size += len(chunk)
                if size > _max_body_bytes(limit, json=head.json):
                    raise too_large(limit)
                permit.hold(max(size, head.length))
                if inputs:
                    inputs.feed(chunk)
                else:
                    file.write(chunk)
    except TimeoutError:
        raise too_slow(idle) from None
    request.state.read = True
    if not size:
        raise validation("the body is empty")
    if not inputs:
        return head.parameters, None
    fields = inputs.finish()
    permit.hold(inputs.size)
    return parse({**head.query, **fields}), inputs.model


def _max_body_bytes(limit: int, *, json: bool) -> int:
    # Base64 takes four bytes for three. The other fields are small.
    return limit * 4 // 3 + (1 << 16) if json else limit


def _storage_failed(error: OSError) -> RequestError:
    return overloaded(
        f"the audio could not be stored: {error.strerror or error}", retry_after=_STORAGE_RETRY_SECONDS
    )
