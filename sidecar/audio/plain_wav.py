"""WAV files that need no decoder, as the service sends them: 16 kHz, mono, 16 bits, a header of 44 bytes."""

import os
import struct
from collections.abc import Iterator
from typing import IO

import numpy as np

_HEADER = struct.Struct("<4sI8sIHHIIHH4sI")
_FORMAT = (b"WAVEfmt ", 16, 1, 1, 16_000, 32_000, 2, 16, b"data")
_BLOCK_BYTES = 1_000_000


def sample_count(file: IO[bytes]) -> int | None:
    """The number of samples. None if it is another file, or if its size is not the one that it declares; then
    it is at its start, otherwise at its first sample."""
    header = file.read(_HEADER.size)
    size = file.seek(0, os.SEEK_END) - _HEADER.size
    file.seek(0)
    if len(header) < _HEADER.size:
        return None
    riff, _, *fields, declared = _HEADER.unpack(header)
    if riff != b"RIFF" or tuple(fields) != _FORMAT or declared != size or size % 2 or not size:
        return None
    file.seek(_HEADER.size)
    return size // 2


def blocks(file: IO[bytes]) -> Iterator[np.ndarray]:
    """The int16 samples from the file's position on."""
    while data := file.read(_BLOCK_BYTES):
        yield np.frombuffer(data, "<i2").astype(np.int16)
