"""A request's body → the audio in a file and the parameters asked for."""

import asyncio
import base64
import binascii
import json
import tempfile
from dataclasses import dataclass
from typing import IO

from starlette.requests import Request

from .errors import too_large, validation
from .parameters import Parameters, parse

_IN_MEMORY = 1 << 20


@dataclass(frozen=True)
class Asked:
    """`audio` is read from its beginning and closed by whoever holds this."""

    audio: IO[bytes]
    parameters: Parameters


async def read(request: Request, *, limit: int) -> Asked:
    """limit: bytes of audio. Raises RequestError: 422 for what is wrong with it, 413 for what is too large.

    Only a body up to a megabyte is held in memory; a larger one lies in an unnamed temporary file.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise validation(f"send the audio itself as the body (Content-Type: audio/…), not {kind}")
    is_json = kind == "application/json"
    query = dict(request.query_params)
    if not is_json:
        parameters = parse(query)
    # Base64 takes four bytes for three; the rest of the object is small.
    spooled = await _spooled(request, most=limit if not is_json else limit * 4 // 3 + (1 << 16), limit=limit)
    if not is_json:
        return Asked(spooled, parameters)
    try:
        audio, given = await asyncio.to_thread(_from_json, spooled, limit)
    finally:
        spooled.close()
    try:
        return Asked(audio, parse({**query, **given}))
    except BaseException:
        audio.close()
        raise


async def _spooled(request: Request, *, most: int, limit: int) -> IO[bytes]:
    try:
        if int(request.headers.get("content-length", "0")) > most:
            raise too_large(limit)
    except ValueError:
        raise validation("Content-Length is no number") from None
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)
    try:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise too_large(limit)
            file.write(chunk)
        if not size:
            raise validation("the body is empty")
        file.seek(0)
        return file
    except BaseException:
        file.close()
        raise


def _from_json(spooled: IO[bytes], limit: int) -> tuple[IO[bytes], dict[str, object]]:
    try:
        body = json.load(spooled)
    except (ValueError, RecursionError):
        raise validation("the body is not JSON") from None
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), str):
        raise validation("the JSON body takes `inputs`: the audio in base64, and `parameters`: an object")
    parameters = body.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise validation("`parameters` takes an object")
    known = {"inputs", "parameters", "options", "model"}
    unknown = next((name for name in body if name not in known), None)
    if unknown is not None:
        raise validation(f"unknown field {unknown!r}; the fields are inputs and parameters")
    encoded = body["inputs"]
    if encoded.startswith("data:"):
        encoded = encoded.partition(",")[2]
    try:
        audio = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise validation("`inputs` is not base64") from None
    if not audio:
        raise validation("`inputs` is empty")
    if len(audio) > limit:
        raise too_large(limit)
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)
    file.write(audio)
    file.seek(0)
    return file, parameters
