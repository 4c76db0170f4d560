"""Reads the weights of a CTranslate2 model."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

_SPECIFICATION = "WhisperSpec"
_VERSION = 6
_TYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)
_FLOATS = (np.float32, np.float16)


class WeightsError(Exception):
    """The file is no Whisper model whose format is known."""


@dataclass(frozen=True)
class Variable:
    """`offset`: in bytes, from the beginning of the file."""

    name: str
    shape: tuple[int, ...]
    dtype: type[np.generic]
    offset: int

    @property
    def quantized(self) -> bool:
        return self.name.endswith("/weight") and self.dtype not in _FLOATS


def variables(path: Path) -> list[Variable]:
    """All variables of a `model.bin`, without their values.

    The format is that of `ModelSpec._serialize` in CTranslate2's specs/model_spec.py: little-endian, a
    header, then each variable's name, shape, type, size and values.
    """
    with path.open("rb") as file:
        try:
            return list(_variables(file))
        except (struct.error, UnicodeDecodeError, IndexError) as error:
            raise WeightsError(f"{path} cannot be read: {error}") from error


def _variables(file: IO[bytes]) -> Iterator[Variable]:
    if (version := _number(file, "I")) != _VERSION or _text(file) != _SPECIFICATION:
        raise WeightsError(f"{file.name} is no Whisper model in format {_VERSION}, but has format {version}")
    _revision, count = _number(file, "I"), _number(file, "I")
    for _ in range(count):
        name = _text(file)
        shape = tuple(_number(file, "I") for _ in range(_number(file, "B")))
        dtype = _TYPES[_number(file, "B")]
        size = _number(file, "I")
        yield Variable(name, shape, dtype, file.tell())
        file.seek(size, 1)


def values(path: Path, variable: Variable) -> np.ndarray:
    """A copy."""
    return np.array(np.memmap(path, variable.dtype, "r", variable.offset, variable.shape))


def _number(file: IO[bytes], code: str) -> int:
    size = struct.calcsize(f"<{code}")
    [number] = struct.unpack(f"<{code}", file.read(size))
    return int(number)


def _text(file: IO[bytes]) -> str:
    return file.read(_number(file, "H")).rstrip(b"\0").decode()
