"""Audio in any format → 16 kHz mono samples."""

from collections.abc import Generator, Iterable, Iterator
from itertools import groupby
from typing import IO

import av
import numpy as np

from ..errors import RequestError, validation
from . import plain_wav

SAMPLE_RATE = 16_000

# Containers that hold their own audio. FFmpeg's playlist formats (hls, concat, …) would open other files and
# URLs.
_FORMATS = (
    "wav,w64,mp3,flac,ogg,mov,mp4,m4a,matroska,webm,aac,aiff,caf,amr,amrnb,amrwb,asf,avi,ac3,eac3,au,mpegts,mpeg,"
    "ape,wv,tta,dts,flv"
)
_GROUP_SAMPLES = 500_000


def open_audio(file: IO[bytes]) -> av.container.InputContainer:
    """Raises a `validation` RequestError if there is no audio track; lets FFmpeg's errors through."""
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
    container = av.open(file, "r", metadata_errors="ignore", options=options)
    if not container.streams.audio:
        container.close()
        raise validation("the body has no audio track")
    return container


def stream(file: IO[bytes], *, longest: float) -> Generator[np.ndarray, None, None]:
    """The first audio track as int16 samples, mono, 16 kHz, in blocks of a few seconds.

    Raises a `validation` RequestError if the file is not audio, holds no samples, or is longer than `longest`
    seconds.
    """
    count = plain_wav.sample_count(file)
    if count is not None:
        if count > longest * SAMPLE_RATE:
            raise too_long(longest)
        yield from plain_wav.blocks(file)
        return
    total = 0
    try:
        with open_audio(file) as container:
            for block in _blocks(container):
                total += len(block)
                if total > longest * SAMPLE_RATE:
                    raise too_long(longest)
                yield block
    except (av.FFmpegError, EOFError, ValueError) as error:
        if not total:
            raise validation("the body is not audio that can be decoded") from error
    if not total:
        raise validation("the body holds no audio samples")


def too_long(longest: float) -> RequestError:
    return validation(f"the audio is longer than MAX_AUDIO_SECONDS ({longest:g} s)")


def _blocks(container: av.container.InputContainer) -> Iterator[np.ndarray]:
    """A file that was joined from several can change its format on the way."""
    for _, frames in groupby(_frames(container), _format):
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        for frame in _grouped(frames):
            for out in resampler.resample(frame):
                yield out.to_ndarray().reshape(-1)


def _frames(container: av.container.InputContainer) -> Iterator[av.AudioFrame]:
    """Without those that are damaged."""
    for packet in container.demux(audio=0):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def _format(frame: av.AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _grouped(frames: Iterable[av.AudioFrame]) -> Iterator[av.AudioFrame | None]:
    """Frames joined to blocks of half a million samples, because a call costs more than its samples. The last
    item is None: it flushes the resampler."""
    fifo = av.AudioFifo()
    for frame in frames:
        frame.pts = None
        fifo.write(frame)
        if fifo.samples >= _GROUP_SAMPLES:
            yield fifo.read()
    if fifo.samples:
        yield fifo.read()
    yield None
