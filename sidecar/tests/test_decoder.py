import io
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from sidecar.audio import decoder
from sidecar.audio.buffer import SampleBuffer
from sidecar.errors import RequestError

PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n%s\n#EXT-X-ENDLIST\n"


def wav(samples: np.ndarray, *, rate: int = 16_000, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def mp3(seconds: float, *, rate: int = 44_100) -> bytes:
    """Noise, mono."""
    samples = np.random.default_rng(1).normal(0, 3000, (1, int(seconds * rate))).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate = rate
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


def decoded(body: bytes, *, longest: float = 60) -> np.ndarray:
    return np.concatenate(list(decoder.stream(io.BytesIO(body), longest=longest)))


def refused(body: bytes, *, longest: float = 60) -> str:
    with pytest.raises(RequestError) as error:
        decoded(body, longest=longest)
    assert error.value.error_type == "validation"
    return error.value.message


def test_pcm_is_decoded_to_the_same_samples() -> None:
    samples = np.arange(-8000, 8000, dtype=np.int16)
    assert np.array_equal(decoded(wav(samples)), samples)


def test_pcm_whose_header_differs_from_its_size_is_decoded_as_far_as_it_goes() -> None:
    samples = np.arange(-8000, 8000, dtype=np.int16)
    assert np.array_equal(decoded(wav(samples)[:-2000]), samples[:-1000])
    assert np.array_equal(decoded(wav(samples) + b"LIST\x04\0\0\0abcd"), samples)
    extensible = wav(samples).replace(b"fmt \x10\0\0\0", b"fmt \x12\0\0\0").replace(b"data", b"\0\0data")
    assert np.array_equal(decoded(extensible), samples)


def test_audio_of_any_rate_and_channels_becomes_16_khz_mono() -> None:
    assert len(decoded(wav(np.zeros(88_200), rate=44_100, channels=2))) == 16_000


def test_damage_costs_only_the_audio_that_is_damaged() -> None:
    whole = mp3(5)
    middle = len(whole) // 2
    damaged = whole[:middle] + b"\xff" * 500 + whole[middle + 500 :]
    assert len(decoded(damaged)) == pytest.approx(len(decoded(whole)), abs=0.3 * 16_000)


def test_files_that_were_joined_are_decoded_to_the_end_even_if_their_rates_differ() -> None:
    for rate in (44_100, 16_000):
        assert len(decoded(mp3(2) + mp3(3, rate=rate))) == pytest.approx(5 * 16_000, abs=0.1 * 16_000)


def test_bodies_that_are_not_audio_are_refused() -> None:
    assert "not audio" in refused(b"hello there, this is plain text" * 50)
    assert "no audio samples" in refused(wav(np.zeros(0)))


def test_audio_over_the_limit_is_refused() -> None:
    assert "MAX_AUDIO_SECONDS" in refused(wav(np.zeros(32_000)), longest=1)


def test_a_playlist_cannot_open_another_file(tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(wav(np.zeros(16_000)))
    assert "not audio" in refused(PLAYLIST % str(other).encode())


def test_a_sample_buffer_drops_samples_that_are_no_longer_needed() -> None:
    buffer = SampleBuffer()
    buffer.push(np.arange(10, dtype=np.int16))
    buffer.drop(4)
    buffer.push(np.arange(10, 20, dtype=np.int16))
    assert buffer.copy(8, 13).tolist() == [8, 9, 10, 11, 12]
    assert buffer.total == 20
