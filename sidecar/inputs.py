"""Hugging Face's JSON body, `{"inputs": "<base64>", "parameters": {…}}`, read as it arrives.

The audio goes to its file block by block, so that a large body never lies in memory.
"""

import base64
import binascii
import json
import re
from typing import IO

from .errors import RequestError, too_large, validation

_LONG = 1 << 16
_MOST_BESIDE = 1 << 20
_HERE = "the audio, in its file already"
_KNOWN = {"inputs", "parameters", "options", "model"}
_EDGE = re.compile(rb'["\\]')


class Inputs:
    """Takes the body by `feed` and gives what it says by `finish`; both raise RequestError.

    A string longer than 64 KiB can only be `inputs`: it is decoded into `audio` and left out of the JSON.
    """

    def __init__(self, audio: IO[bytes], *, limit: int):
        self._audio = _Base64(audio, limit)
        self._beside = bytearray()
        self._text = bytearray()
        self._in_text = self._escaped = self._streaming = self._streamed = False

    @property
    def size(self) -> int:
        """Bytes of audio so far."""
        return self._audio.size

    def feed(self, chunk: bytes) -> None:
        at = 0
        while at < len(chunk):
            if not self._in_text:
                quote = chunk.find(b'"', at)
                end = len(chunk) if quote < 0 else quote + 1
                self._beside += chunk[at:end]
                self._in_text = quote >= 0
            elif self._escaped:
                end = at + 1
                self._text += chunk[at:end]
                self._escaped = False
            else:
                edge = _EDGE.search(chunk, at)
                end = edge.end() if edge else len(chunk)
                self._text += chunk[at:end]
                self._escaped = edge is not None and edge.group() == b"\\"
                if edge and not self._escaped:
                    self._end_text()
            at = end
        self._move()

    def finish(self) -> dict[str, object]:
        """The parameters."""
        try:
            body = json.loads(bytes(self._beside))
        except (ValueError, RecursionError):
            raise validation("the body is not JSON") from None
        if not isinstance(body, dict) or not isinstance(body.get("inputs"), str):
            raise validation("the JSON body takes `inputs`: the audio in base64, and `parameters`: an object")
        parameters = body.get("parameters") or {}
        if not isinstance(parameters, dict):
            raise validation("`parameters` takes an object")
        unknown = next((name for name in body if name not in _KNOWN), None)
        if unknown is not None:
            raise validation(f"unknown field {unknown!r}; the fields are inputs and parameters")
        if self._streamed and body["inputs"] != _HERE:
            raise self._too_long()
        if not self._streamed:
            self._audio.feed(body["inputs"].encode("utf-8", "replace"))
        self._audio.finish()
        return parameters

    def _end_text(self) -> None:
        if self._streaming:
            self._text.pop()
            self._move()
            self._beside += _HERE.encode() + b'"'
            self._streaming, self._streamed = False, True
        else:
            self._beside += self._text
        self._text.clear()
        self._in_text = False

    def _move(self) -> None:
        """What need not be kept goes where it belongs."""
        if len(self._beside) > _MOST_BESIDE:
            raise self._too_long()
        if not self._streaming and len(self._text) > _LONG:
            if self._streamed:
                raise self._too_long()
            self._streaming = True
        if self._streaming:
            # PHP writes a slash as \/.
            kept = 1 if self._escaped else 0
            self._audio.feed(bytes(self._text[: len(self._text) - kept]).replace(rb"\/", b"/"))
            del self._text[: len(self._text) - kept]

    def _too_long(self) -> RequestError:
        return validation("nothing but `inputs` may be longer than 64 KiB, and all else together than 1 MiB")


class _Base64:
    """Base64 → a file, at most `limit` bytes of it. A `data:` URL's head is passed over."""

    def __init__(self, file: IO[bytes], limit: int):
        self._file = file
        self._limit = limit
        self._left = b""
        self._begun = self._padded = False
        self.size = 0

    def feed(self, text: bytes) -> None:
        text = self._left + text
        if not self._begun and text:
            self._begun = True
            if text.startswith(b"data:"):
                text = text.partition(b",")[2]
        whole = len(text) // 4 * 4
        self._left = text[whole:]
        self._write(text[:whole])

    def finish(self) -> None:
        if self._left:
            raise _wrong()
        if not self.size:
            raise validation("`inputs` is empty")

    def _write(self, text: bytes) -> None:
        if self._padded and text:
            raise _wrong()
        try:
            audio = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise _wrong() from None
        self._padded = text.endswith(b"=")
        self.size += len(audio)
        if self.size > self._limit:
            raise too_large(self._limit)
        self._file.write(audio)


def _wrong() -> RequestError:
    return validation("`inputs` is not base64")
