import io

import av
import numpy as np
import pytest

from sidecar import length
from sidecar.errors import RequestError

from .test_audio import wav


def test_it_is_the_decoded_length_and_the_file_is_at_its_beginning_again(flac):
    file = io.BytesIO(flac)
    assert length.seconds(file, longest=60) == pytest.approx(6.361, abs=0.05)
    assert file.tell() == 0


def matroska(seconds: int) -> bytes:
    """As a browser records it: nothing says how long it is."""
    out = io.BytesIO()
    out.seekable = lambda: False
    with av.open(out, "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for _ in range(seconds):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            frame.rate = 8000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def test_a_file_that_does_not_say_is_counted():
    assert length.seconds(io.BytesIO(matroska(9)), longest=60) == pytest.approx(9, abs=0.1)


def test_what_is_too_long_or_no_audio_is_refused_before_it_is_decoded():
    for body, why in (
        (wav(np.zeros(32_000)), "MAX_AUDIO_SECONDS"),
        (matroska(3), "MAX_AUDIO_SECONDS"),
        (b"hello there, this is plain text" * 50, "not audio"),
    ):
        with pytest.raises(RequestError) as error:
            length.seconds(io.BytesIO(body), longest=1)
        assert (error.value.status, why in error.value.message) == (422, True)


def test_a_header_that_claims_too_much_is_not_believed():
    body = bytearray(wav(np.zeros(16_000)))
    body[4:8] = body[40:44] = (2**31).to_bytes(4, "little")
    assert length.seconds(io.BytesIO(bytes(body)), longest=60) == pytest.approx(1, abs=0.1)
