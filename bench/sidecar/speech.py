"""Speech with its text, recorded or made by espeak-ng."""

import shutil
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from .sentences import SENTENCES

RATE = 16000
# The espeak-ng voices that Whisper base recognizes well. It mishears every fourth word of others, which hides
# differences.
ACCENTS = ("en-us", "en-gb", "en-gb-x-rp")
TIMBRES = (
    "m3",
    "m4",
    "m6",
    "m7",
    "m8",
    "robert",
    "Mike",
    "edward2",
    "adam",
    "david",
    "f2",
    "f3",
    "f5",
    "Alicia",
    "Denis",
)


@dataclass(frozen=True)
class Speech:
    """`pcm`: 16 kHz mono, int16."""

    pcm: np.ndarray
    text: str

    @property
    def seconds(self) -> float:
        return len(self.pcm) / RATE

    def write(self, path: Path) -> Path:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(self.pcm.astype("<i2").tobytes())
        return path


@dataclass(frozen=True)
class Voice:
    """An espeak-ng voice. `speed`: words per minute. `pitch`: 0 to 99."""

    name: str
    speed: int
    pitch: int


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * RATE), np.int16)


def join(parts: list[Speech], *, pauses: list[float]) -> Speech:
    """`pauses[i]` seconds of silence follow `parts[i]`."""
    pcm = [piece for part, pause in zip(parts, pauses, strict=True) for piece in (part.pcm, silence(pause))]
    return Speech(np.concatenate(pcm), " ".join(part.text for part in parts))


def have_espeak() -> bool:
    return shutil.which("espeak-ng") is not None


def any_voice(rng: np.random.Generator) -> Voice:
    return Voice(
        f"{rng.choice(ACCENTS)}+{rng.choice(TIMBRES)}", int(rng.integers(135, 176)), int(rng.integers(35, 66))
    )


@cache
def read_aloud(text: str, voice: Voice) -> Speech:
    """Without the silence before and after it."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        command = [
            "espeak-ng",
            "-v",
            voice.name,
            "-s",
            str(voice.speed),
            "-p",
            str(voice.pitch),
            "-w",
            file.name,
            text,
        ]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return Speech(trimmed(decode(Path(file.name))), text)


def sentences(rng: np.random.Generator, voice: Voice | None = None):
    """Endless, in a new order each time through; each sentence by a random voice unless one is given."""
    while True:
        for index in rng.permutation(len(SENTENCES)):
            yield read_aloud(SENTENCES[index], voice or any_voice(rng))


def decode(path: Path) -> np.ndarray:
    from faster_whisper.audio import decode_audio

    return np.round(decode_audio(str(path), sampling_rate=RATE) * 32767).astype(np.int16)


def trimmed(pcm: np.ndarray) -> np.ndarray:
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > 300)
    return pcm[loud[0] : loud[-1] + 1] if len(loud) else pcm
