import io

import av
import numpy as np
import pytest

from sidecar.audio import length
from sidecar.errors import RequestError

from .test_decoder import wav


def test_the_length_equals_the_decoded_length_and_the_file_is_rewound(flac: bytes) -> None:
    file = io.BytesIO(flac)
    assert length.seconds(file, longest=60) == pytest.approx(6.361, abs=0.05)
    assert file.tell() == 0


class Pipe(io.BytesIO):
    """An output in which the muxer cannot go back to write the duration."""

    def seekable(self) -> bool:
        return False


def matroska(seconds: int) -> bytes:
    """A file as a browser records it, without a declared duration."""
    out = Pipe()
    with av.open(out, "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for _ in range(seconds):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            frame.rate = 8000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def test_the_length_of_a_file_without_a_declared_duration_is_counted() -> None:
    assert length.seconds(io.BytesIO(matroska(9)), longest=60) == pytest.approx(9, abs=0.1)


def test_audio_that_is_too_long_or_invalid_is_refused_before_decoding() -> None:
    for body, why in (
        (wav(np.zeros(32_000)), "MAX_AUDIO_SECONDS"),
        (matroska(3), "MAX_AUDIO_SECONDS"),
        (b"hello there, this is plain text" * 50, "not audio"),
    ):
        with pytest.raises(RequestError) as error:
            length.seconds(io.BytesIO(body), longest=1)
        assert (error.value.status, why in error.value.message) == (422, True)


def test_a_header_that_declares_more_than_the_limit_is_not_trusted() -> None:
    body = bytearray(wav(np.zeros(16_000)))
    body[4:8] = body[40:44] = (2**31).to_bytes(4, "little")
    assert length.seconds(io.BytesIO(bytes(body)), longest=60) == pytest.approx(1, abs=0.1)
