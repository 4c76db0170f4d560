"""The length of audio, before it is decoded."""

from typing import IO

import av

from ..errors import validation
from . import plain_wav
from .decoder import SAMPLE_RATE, open_audio, too_long


def seconds(file: IO[bytes], *, longest: float) -> float:
    """The duration that the header declares. If the header declares none, or more than `longest`, packets are
    counted.

    Raises a `validation` RequestError if the file is not audio, has no audio track, or is longer than
    `longest` seconds. A header can be wrong, so the decoder checks the length again.
    """
    try:
        count = plain_wav.sample_count(file)
        if count is not None:
            if count > longest * SAMPLE_RATE:
                raise too_long(longest)
            return count / SAMPLE_RATE
        with open_audio(file) as container:
            declared = (container.duration or 0) / av.time_base
            if 0 < declared <= longest:
                return declared
            return _counted(container, longest)
    except (av.FFmpegError, EOFError, ValueError) as error:
        raise validation("the body is not audio that can be decoded") from error
    finally:
        file.seek(0)


def _counted(container: av.container.InputContainer, longest: float) -> float:
    total = 0.0
    for packet in container.demux(container.streams.audio[0]):
        if packet.duration and packet.time_base:
            total += float(packet.duration * packet.time_base)
        if total > longest:
            raise too_long(longest)
    return total
