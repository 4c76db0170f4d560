"""The recordings of a manifest: single clips, the same clips in noise, and clips joined to long files."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..sidecar.speech import RATE, Speech, decode

_LENGTHS = ((2.5, "under 2.5 s"), (4.0, "2.5–4 s"), (6.0, "4–6 s"))
_PAUSES = (0.4, 2.5)
_LONG_SECONDS = (180, 600)
_NOISE_SHARE = 5


@dataclass(frozen=True)
class Recording:
    """`kind`: clips, long or noise. `group`: its set, such as fleurs."""

    name: str
    kind: str
    language: str
    group: str
    text: str
    pcm: np.ndarray

    @property
    def seconds(self) -> float:
        return len(self.pcm) / RATE

    @property
    def length(self) -> str:
        """The class of its length."""
        return next((name for limit, name in _LENGTHS if self.seconds < limit), "over 6 s")

    @property
    def digest(self) -> str:
        """Identifies the audio and the language that the request names."""
        return hashlib.sha256(self.language.encode() + self.pcm.tobytes()).hexdigest()[:16]


def clips(manifest: Path) -> list[Recording]:
    """The entries of the manifest that have a text and a language."""
    folder = manifest.parent
    return [
        Recording(
            name=entry["file"],
            kind="clips",
            language=entry["language"],
            group=entry.get("set", "other"),
            text=entry["text"],
            pcm=decode(folder / entry["file"]),
        )
        for entry in json.loads(manifest.read_text())
        if entry.get("text") and entry.get("language")
    ]


def long_files(available: Sequence[Recording]) -> list[Recording]:
    """Files of 3 to 10 minutes, each of the clips of one language in a shuffled order, with pauses of 0.4 to
    2.5 s between them. A language with less speech than 3 minutes shares no file with others: its file is
    shorter, or left out below 45 s."""
    rng = np.random.default_rng(0)
    by_language: dict[str, list[Recording]] = defaultdict(list)
    for clip in available:
        by_language[clip.language].append(clip)
    files: list[Recording] = []
    for language in sorted(by_language):
        own = by_language[language]
        seconds = sum(clip.seconds for clip in own)
        count = max(1, round(seconds / (sum(_LONG_SECONDS) / 2)))
        order = rng.permutation(len(own))
        for number in range(count):
            parts = [own[i] for i in order[number::count]]
            if sum(part.seconds for part in parts) >= _LONG_SECONDS[0] / 4:
                files.append(_joined(parts, f"{language}-long-{number}", language, rng))
    return files


def _joined(parts: Sequence[Recording], name: str, language: str, rng: np.random.Generator) -> Recording:
    pieces = [
        piece for part in parts for piece in (part.pcm, np.zeros(int(rng.uniform(*_PAUSES) * RATE), np.int16))
    ]
    text = " ".join(part.text for part in parts)
    return Recording(name, "long", language, "long", text, np.concatenate(pieces))


def noisy(available: Sequence[Recording], decibels: float, noise: Path | None) -> Iterator[Recording]:
    """Every fifth clip in noise at a signal-to-noise ratio of `decibels`: from a recording of noise, or pink
    noise."""
    source = decode(noise).astype(np.float64) if noise else None
    rng = np.random.default_rng(0)
    for clip in available[::_NOISE_SHARE]:
        speech = clip.pcm.astype(np.float64)
        sound = _stretch(source, len(speech), rng) if source is not None else _pink(len(speech), rng)
        level = np.sqrt(np.mean(speech**2) / max(np.mean(sound**2), 1e-9)) * 10 ** (-decibels / 20)
        mixed = speech + level * sound
        pcm = np.round(mixed * min(1.0, 32767 / max(np.abs(mixed).max(), 1))).astype(np.int16)
        yield Recording(f"noise-{clip.name}", "noise", clip.language, clip.group, clip.text, pcm)


def _stretch(source: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    start = int(rng.integers(len(source)))
    return np.resize(np.roll(source, -start), count)


def _pink(count: int, rng: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(rng.normal(size=count))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    return np.fft.irfft(spectrum, count)


def write(recording: Recording, folder: Path) -> Path:
    return Speech(recording.pcm, recording.text).write(folder / f"{Path(recording.name).stem}.wav")
