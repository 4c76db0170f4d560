"""Bytes of any audio format → samples."""

from collections.abc import Iterator
from typing import BinaryIO

import av
import numpy as np

from .errors import validation

SAMPLE_RATE = 16_000

# Containers that hold their own sound. FFmpeg's playlists (hls, concat, …) would open other files and addresses.
_FORMATS = (
    "wav,w64,mp3,flac,ogg,mov,mp4,m4a,matroska,webm,aac,aiff,caf,amr,amrnb,amrwb,asf,avi,ac3,eac3,au,mpegts,mpeg,"
    "ape,wv,tta,dts,flv"
)
_GROUP = 500_000


def opened(file: BinaryIO) -> av.container.InputContainer:
    """Raises a `validation` RequestError for what has no audio track, and FFmpeg's errors."""
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
    container = av.open(file, "r", metadata_errors="ignore", options=options)
    if not container.streams.audio:
        container.close()
        raise validation("the body has no audio track")
    return container


def stream(file: BinaryIO, *, longest: float) -> Iterator[np.ndarray]:
    """The first audio track as int16 samples, mono, 16 kHz, in blocks of some seconds.

    Raises a `validation` RequestError for what is no audio, holds none, or lasts over `longest` seconds.
    """
    total = 0
    try:
        with opened(file) as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            for frame in _grouped(container):
                for out in resampler.resample(frame):
                    block = out.to_ndarray().reshape(-1)
                    total += len(block)
                    if total > longest * SAMPLE_RATE:
                        raise validation(f"the audio is longer than MAX_AUDIO_SECONDS ({longest:g} s)")
                    yield block
    except (av.FFmpegError, EOFError, ValueError) as error:
        if not total:
            raise validation("the body is not audio that can be decoded") from error
    if not total:
        raise validation("the body holds no audio samples")


def _grouped(container: av.container.InputContainer) -> Iterator[av.AudioFrame | None]:
    """Frames joined to half a million samples, since each call costs more than its samples; None flushes."""
    fifo = av.AudioFifo()
    frames = container.decode(audio=0)
    while True:
        try:
            frame = next(frames)
        except StopIteration:
            break
        except av.error.InvalidDataError:
            continue
        frame.pts = None
        fifo.write(frame)
        if fifo.samples >= _GROUP:
            yield fifo.read()
    if fifo.samples:
        yield fifo.read()
    yield None


class Tape:
    """The samples that windows still to come may need; older ones are let go."""

    def __init__(self) -> None:
        self._samples = np.zeros(0, np.int16)
        self._start = 0

    @property
    def total(self) -> int:
        """Samples taken in so far."""
        return self._start + len(self._samples)

    def push(self, samples: np.ndarray) -> None:
        self._samples = np.concatenate([self._samples, samples])

    def copy(self, start: int, end: int) -> np.ndarray:
        return self._samples[start - self._start : end - self._start].copy()

    def forget(self, before: int) -> None:
        if before > self._start:
            self._samples = self._samples[before - self._start :].copy()
            self._start = before
