"""The test data: recordings with their turns, from checkouts of public repositories, and simulated ones."""

import random
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .recordings import samples

RATE = 16_000
_NOISE = 0.001
_SEED_COUNTS = (
    (1, 2),
    (2, 2),
    (3, 3),
    (4, 4),
    (5, 5),
    (6, 6),
    (7, 7),
    (8, 8),
    (9, 9),
    (10, 10),
)


@dataclass(frozen=True)
class Reference:
    """A turn. `start`, `end`: seconds."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True, eq=False)
class Recording:
    corpus: str
    name: str
    signal: np.ndarray
    turns: list[Reference]

    @property
    def seconds(self) -> float:
        return len(self.signal) / RATE


def pyannote_sample(checkout: Path) -> list[Recording]:
    folder = checkout / "src/pyannote/audio/sample"
    return [
        Recording(
            "sample",
            "sample",
            samples(folder / "sample.wav"),
            _rttm([folder / "sample.rttm"])["sample"],
        )
    ]


def ami(checkout: Path) -> list[Recording]:
    """The 14 clips of 30 s that pyannote.audio's tests use."""
    folder = checkout / "tests/data"
    turns = _rttm(sorted(folder.glob("*.rttm")))
    files = {_plain(path.stem): path for path in folder.glob("*.wav")}
    return [Recording("ami", name, samples(files[name]), turns[name]) for name in sorted(turns)]


def falcon(checkout: Path) -> list[Recording]:
    """The clip of falcon's tests, with the turns that its test data states."""
    turns = [
        Reference(1.7, 3.9, "1"),
        Reference(6.2, 11.1, "2"),
        Reference(12.8, 18.0, "3"),
    ]
    return [
        Recording(
            "falcon",
            "test",
            samples(checkout / "resources/audio_samples/test.wav"),
            turns,
        )
    ]


def broadcast(checkout: Path) -> list[Recording]:
    """The two recordings with speakers of pyAudioAnalysis, whose turns do not overlap."""
    folder = checkout / "pyAudioAnalysis/data"
    recordings = []
    for name in ("diarizationExample", "diarizationExample2"):
        lines = (folder / f"{name}.segments").read_text(encoding="utf8").splitlines()
        fields = [line.split() for line in lines if line.strip()]
        turns = [Reference(float(start), float(end), speaker) for start, end, speaker in fields]
        recordings.append(Recording("broadcast", name, samples(folder / f"{name}.wav"), turns))
    return recordings


def simulated(checkout: Path, *, seconds: float = 300, held_out: bool = False) -> list[Recording]:
    """Conversations of 2 to 10 voices from Resemblyzer's clips of LibriSpeech: 10 speakers with 10 clips
    each, or held out: 251 other speakers with one clip each."""
    base = checkout / "audio_data"
    if held_out:
        clips = {
            path.stem.split("-")[0]: [path] for path in (base / "librispeech_train-clean-100").glob("*.flac")
        }
        return [_conversation(clips, 100 + seed, count, seconds, "held out") for seed, count in _SEED_COUNTS]
    folders = [path for path in (base / "librispeech_test-other").iterdir() if path.is_dir()]
    clips = {folder.name: sorted(folder.glob("*.flac")) for folder in folders}
    return [_conversation(clips, seed, count, seconds, "simulated") for seed, count in _SEED_COUNTS]


def _conversation(
    clips: dict[str, list[Path]], seed: int, count: int, seconds: float, corpus: str
) -> Recording:
    """Turns of 1.5 to 12 s in random order, a quarter of them beginning up to 1 s before the previous one
    ends; each speaker at a level of their own; soft noise."""
    chance = random.Random(seed)
    speakers = chance.sample(sorted(clips), count)
    gains = {speaker: 10 ** (chance.uniform(-6, 3) / 20) for speaker in speakers}
    signal = np.zeros(int((seconds + 20) * RATE), np.float32)
    turns: list[Reference] = []
    order: list[str] = []
    at = 0.5
    while at < seconds - 3:
        if not order:
            order = chance.sample(speakers, count)
        speaker = order.pop()
        if turns and speaker == turns[-1].speaker:
            order.insert(0, speaker)
            speaker = order.pop()
            if speaker == turns[-1].speaker:
                continue
        clip = samples(chance.choice(clips[speaker]))
        length = min(len(clip), int(chance.uniform(1.5, 12) * RATE))
        start = chance.randrange(0, len(clip) - length + 1)
        speech = _trimmed(clip[start : start + length]) * gains[speaker]
        first = int(at * RATE)
        signal[first : first + len(speech)] += speech
        end = at + len(speech) / RATE
        turns.append(Reference(at, end, speaker))
        at = end + (chance.uniform(-1.0, 0) if chance.random() < 0.25 else chance.uniform(0.1, 1.0))
    length = int((max(turn.end for turn in turns) + 0.5) * RATE)
    noise = np.random.default_rng(seed).normal(0, _NOISE, length).astype(np.float32)
    return Recording(corpus, f"{seed} ({count} voices)", signal[:length] + noise, turns)


def _trimmed(clip: np.ndarray) -> np.ndarray:
    """Without the silence at both ends, so that a turn is speech."""
    level = np.convolve(np.abs(clip), np.ones(400) / 400, "same")
    loud = np.flatnonzero(level > 0.15 * np.sqrt((clip**2).mean()))
    return clip[loud[0] : loud[-1]]


def _rttm(paths: list[Path]) -> dict[str, list[Reference]]:
    turns: dict[str, list[Reference]] = {}
    for path in paths:
        for line in path.read_text(encoding="utf8").splitlines():
            fields = line.split()
            start = float(fields[3])
            turn = Reference(start, start + float(fields[4]), fields[7])
            turns.setdefault(_plain(fields[1]), []).append(turn)
    return turns


def _plain(name: str) -> str:
    """Without accents: one clip is named with an accent in its file's name only."""
    return "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
