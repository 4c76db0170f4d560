"""How long audio is, before it is decoded."""

from typing import BinaryIO

import av

from .audio import opened
from .errors import validation


def seconds(file: BinaryIO, *, longest: float) -> float:
    """What the file says of itself; counted, packet by packet, where it says nothing or more than `longest`.

    Raises a `validation` RequestError for what is no audio, holds none, or lasts over `longest` seconds. The decoder
    has the last word: a file may say anything.
    """
    try:
        with opened(file) as container:
            said = (container.duration or 0) / av.time_base
            if 0 < said <= longest:
                return said
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
            raise validation(f"the audio is longer than MAX_AUDIO_SECONDS ({longest:g} s)")
    return total
