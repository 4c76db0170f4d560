"""Hugging Face's JSON body, `{"inputs": "<base64>", "parameters": {…}}`, parsed while it arrives.

The audio is written to its file block by block, so that a large body is never held in memory.
"""

import base64
import binascii
import json
import re
from typing import IO

from ..errors import RequestError, too_large, validation

_MAX_STRING_BYTES = 1 << 16
_MAX_JSON_BYTES = 1 << 20
_PLACEHOLDER = "(decoded into the audio file)"
_FIELDS = {"inputs", "parameters", "options", "model"}
_STRING_EDGE = re.compile(rb'["\\]')


class Inputs:
    """`feed` takes the body, `finish` returns the parameters. Both raise RequestError.

    `model`: the model that the body names beside `inputs`, as the bodies for some of Hugging Face's providers
    do. It is mostly not one of this server's.

    A string longer than 64 KiB can only be `inputs`: it is decoded into `audio`, and the JSON gets a
    placeholder.
    """

    def __init__(self, audio: IO[bytes], *, limit: int):
        self._audio = _Base64(audio, limit)
        self._json = bytearray()
        self._string = bytearray()
        self.model: str | None = None
        self._in_string = self._escaped = self._streaming = self._streamed = False

    @property
    def size(self) -> int:
        """Bytes of audio decoded so far."""
        return self._audio.size

    def feed(self, chunk: bytes) -> None:
        at = 0
        while at < len(chunk):
            if not self._in_string:
                quote = chunk.find(b'"', at)
                end = len(chunk) if quote < 0 else quote + 1
                self._json += chunk[at:end]
                self._in_string = quote >= 0
            elif self._escaped:
                end = at + 1
                self._string += chunk[at:end]
                self._escaped = False
            else:
                edge = _STRING_EDGE.search(chunk, at)
                end = edge.end() if edge else len(chunk)
                self._string += chunk[at:end]
                self._escaped = edge is not None and edge.group() == b"\\"
                if edge and not self._escaped:
                    self._end_string()
            at = end
        self._flush()

    def finish(self) -> dict[str, object]:
        """The parameters of the complete body."""
        try:
            body = json.loads(bytes(self._json))
        except (ValueError, RecursionError):
            raise validation("the body is not JSON") from None
        if not isinstance(body, dict) or not isinstance(body.get("inputs"), str):
            raise validation("send `inputs`, the audio in base64, and optionally `parameters`, an object")
        parameters = body.get("parameters") or {}
        if not isinstance(parameters, dict):
            raise validation("`parameters` takes an object")
        unknown = next((name for name in body if name not in _FIELDS), None)
        if unknown is not None:
            raise validation(f"unknown field {unknown!r}; the fields are inputs and parameters")
        model = body.get("model")
        self.model = model if isinstance(model, str) else None
        if self._streamed and body["inputs"] != _PLACEHOLDER:
            raise self._too_long()
        if not self._streamed:
            self._audio.feed(body["inputs"].encode("utf-8", "replace"))
        self._audio.finish()
        return parameters

    def _end_string(self) -> None:
        if self._streaming:
            self._string.pop()
            self._flush()
            self._json += _PLACEHOLDER.encode() + b'"'
            self._streaming, self._streamed = False, True
        else:
            self._json += self._string
        self._string.clear()
        self._in_string = False

    def _flush(self) -> None:
        """Decodes what has arrived of a long string, and checks the size of the rest."""
        if len(self._json) > _MAX_JSON_BYTES:
            raise self._too_long()
        if not self._streaming and len(self._string) > _MAX_STRING_BYTES:
            if self._streamed:
                raise self._too_long()
            self._streaming = True
        if self._streaming:
            # A `\` at the end may begin PHP's spelling of a slash, `\/`.
            held_back = 1 if self._escaped else 0
            self._audio.feed(bytes(self._string[: len(self._string) - held_back]).replace(rb"\/", b"/"))
            del self._string[: len(self._string) - held_back]

    def _too_long(self) -> RequestError:
        return validation("only `inputs` may be longer than 64 KiB, and the rest of the body than 1 MiB")


class _Base64:
    """Base64 → a file of at most `limit` bytes. A `data:` URL's prefix is skipped."""

    def __init__(self, file: IO[bytes], limit: int):
        self._file = file
        self._limit = limit
        self._pending = b""
        self._started = self._padded = False
        self.size = 0

    def feed(self, text: bytes) -> None:
        text = self._pending + text
        if not self._started and text:
            self._started = True
            if text.startswith(b"data:"):
                text = text.partition(b",")[2]
        whole = len(text) // 4 * 4
        self._pending = text[whole:]
        self._write(text[:whole])

    def finish(self) -> None:
        if self._pending:
            raise _invalid()
        if not self.size:
            raise validation("`inputs` is empty")

    def _write(self, text: bytes) -> None:
        if self._padded and text:
            raise _invalid()
        try:
            audio = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise _invalid() from None
        self._padded = text.endswith(b"=")
        self.size += len(audio)
        if self.size > self._limit:
            raise too_large(self._limit)
        self._file.write(audio)


def _invalid() -> RequestError:
    return validation("`inputs` is not base64")
