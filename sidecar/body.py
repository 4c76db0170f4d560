"""A request's body → the audio in a file and the parameters asked for."""

import asyncio
import tempfile
from dataclasses import dataclass
from typing import IO

from starlette.requests import Request

from .admission import Place
from .errors import RequestError, overloaded, too_large, too_slow, validation
from .inputs import Inputs
from .parameters import Parameters, parse
from .settings import Settings

_IN_MEMORY = 1 << 20
_RETRY = 30


@dataclass(frozen=True)
class Asked:
    """`audio` is read from its beginning and closed by whoever holds this."""

    audio: IO[bytes]
    parameters: Parameters


@dataclass(frozen=True)
class Head:
    """What a request says before its body: Content-Length (0 where there is none) and the query."""

    length: int
    json: bool
    query: dict[str, object]
    parameters: Parameters


def head(request: Request, *, limit: int) -> Head:
    """limit: bytes of audio. Raises RequestError: 422 for what is wrong, 413 for what is too large."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise validation(f"send the audio itself as the body (Content-Type: audio/…), not {kind}")
    try:
        length = int(request.headers.get("content-length", "0"))
    except ValueError:
        raise validation("Content-Length is no number") from None
    is_json = kind == "application/json"
    if length > _most(limit, json=is_json):
        raise too_large(limit)
    query: dict[str, object] = dict(request.query_params)
    return Head(length, is_json, query, parse(query))


async def read(request: Request, head: Head, place: Place, settings: Settings) -> Asked:
    """Raises RequestError, 408 for a body that stops coming; ClientDisconnect.

    Only audio up to a megabyte is held in memory; a larger one lies in an unnamed temporary file.
    """
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)
    try:
        parameters = await _fill(file, request, head, place, settings)
        file.seek(0)
        return Asked(file, parameters)
    except BaseException as error:
        file.close()
        if isinstance(error, OSError):
            raise _no_room(error) from error
        raise


async def _fill(file: IO[bytes], request: Request, head: Head, place: Place, settings: Settings) -> Parameters:
    limit, idle = settings.max_input_bytes, settings.idle_seconds
    inputs = Inputs(file, limit=limit) if head.json else None
    size = 0
    try:
        async with asyncio.timeout(idle) as patience:
            async for chunk in request.stream():
                patience.reschedule(asyncio.get_running_loop().time() + idle)
                size += len(chunk)
                if size > _most(limit, json=head.json):
                    raise too_large(limit)
                place.hold(max(size, head.length))
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
        return head.parameters
    given = inputs.finish()
    place.hold(inputs.size)
    return parse({**head.query, **given})


def _most(limit: int, *, json: bool) -> int:
    # Base64 takes four bytes for three; the rest of the object is small.
    return limit * 4 // 3 + (1 << 16) if json else limit


def _no_room(error: OSError) -> RequestError:
    return overloaded(f"the audio could not be stored: {error.strerror or error}", retry_after=_RETRY)
