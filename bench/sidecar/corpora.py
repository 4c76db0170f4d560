"""The audio: two long files and many clips, from recordings if there are any, else from espeak-ng.

A: single sentences or phrases by many voices, with pauses of 0.3 to 1.2 s between them. B: speech without a
pause for up to 30 s at a time. The same arguments make the same audio.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from .baseline import Baseline
from .process import cores
from .sentences import SENTENCES
from .speech import (
    ACCENTS,
    RATE,
    TIMBRES,
    Speech,
    Voice,
    any_voice,
    decode,
    have_espeak,
    join,
    sentences,
    trimmed,
)

SYNTHETIC = "synthetic (espeak-ng)"
VOICES = len(ACCENTS) * len(TIMBRES)
LONGEST = 30


class NoAudio(Exception):
    pass


@dataclass(frozen=True)
class Corpus:
    """`name`: a short name. `about`: a sentence about the source of its speech."""

    name: str
    speech: Speech
    about: str


class Speakers:
    """`recorded`: English clips of at most 30 s. `phrases`: the parts of them between pauses."""

    def __init__(self, folder: Path | None, model: Path, work: Path):
        if folder and not (folder / "manifest.json").is_file():
            raise NoAudio(f"{folder} has no manifest.json: see bench/README.md for its format.")
        self.recorded = list(_recorded(folder)) if folder else []
        if not self.recorded and not have_espeak():
            raise NoAudio("No audio to transcribe: pass --audio DIR, or install espeak-ng.")
        self.phrases: list[Speech] = []
        if self.recorded:
            with Baseline(
                model, device="cpu", compute_type="int8", threads=cores(), environment={}
            ) as listener:
                for clip in self.recorded:
                    self.phrases += _cut(clip, listener, work)

    def a(self, seconds: float) -> Corpus:
        rng = np.random.default_rng(1)
        parts = _until(self._turns(rng), seconds)
        recorded = f"{len(self.phrases)} recorded phrases" if self.phrases else ""
        made = f"sentences by {VOICES} {SYNTHETIC} voices" if have_espeak() else ""
        return _corpus("A", "single sentences with pauses", rng, parts, [recorded, made])

    def b(self, seconds: float) -> Corpus:
        rng = np.random.default_rng(2)
        long = [clip for clip in self.recorded if clip.seconds >= 10]
        parts = _until(_shuffled(long, rng) if long else _monologues(rng), seconds)
        made_of = f"{len(long)} recorded clips" if long else f"{SYNTHETIC} voices, 15 to 30 s each"
        return _corpus("B", "continuous speech", rng, parts, [made_of])

    def clips(self, count: int) -> tuple[list[Speech], str]:
        """Clips of 3 to 15 s, evenly spread, in a shuffled order. At most half of them are recordings."""
        rng = np.random.default_rng(3)
        fitting = [clip for clip in self.recorded + self.phrases if 3 <= clip.seconds <= 15]
        if not have_espeak():
            return list(islice(_shuffled(fitting, rng), count)), f"{len(fitting)} recordings, repeated"
        clips = fitting[: count // 2]
        clips += [_clip(rng, 3 + 11.5 * i / count) for i in range(count - len(clips))]
        made_of = f"{count - len(fitting[: count // 2])} {SYNTHETIC}"
        order = rng.permutation(count)
        return [
            clips[i] for i in order
        ], f"{len(fitting[: count // 2])} recorded, {made_of}" if fitting else made_of

    def lone(self) -> Speech:
        """The clip nearest to 3 s."""
        choice = self.phrases or list(islice(sentences(np.random.default_rng(4)), 30))
        return min(choice, key=lambda speech: abs(speech.seconds - 3))

    def _turns(self, rng: np.random.Generator) -> Iterator[Speech]:
        """Recorded phrases and synthetic sentences alternately, if there are both."""
        made = sentences(rng) if have_espeak() else None
        recorded = _shuffled(self.phrases, rng) if self.phrases else None
        while True:
            yield from (next(source) for source in (recorded, made) if source)


def _corpus(
    name: str, what: str, rng: np.random.Generator, parts: list[Speech], sources: list[str]
) -> Corpus:
    speech = join(parts, pauses=list(rng.uniform(0.3, 1.2, len(parts))))
    made_of = " and ".join(filter(None, sources))
    kinds = [kind for kind in ("recorded", "synthetic") if kind in made_of]
    about = f"{name} is {what}, {speech.seconds:.0f} s: {made_of}, repeated in a shuffled order."
    return Corpus(f"{name} ({' and '.join(kinds)})", speech, about)


def _recorded(folder: Path) -> Iterator[Speech]:
    """manifest.json: a list of `{file, language: "en", text}`, or `channels: [text]` with one speaker per
    channel, or `parts: [{start, end, language, text}]` in seconds. Skips entries in other languages and
    those without text."""
    for entry in json.loads((folder / "manifest.json").read_text()):
        path = folder / entry["file"]
        if "parts" in entry:
            pcm = decode(path)
            for part in entry["parts"]:
                if part["language"] == "en" and "text" in part and part["end"] - part["start"] <= LONGEST:
                    yield Speech(pcm[int(part["start"] * RATE) : int(part["end"] * RATE)], part["text"])
        elif entry.get("language") != "en":
            continue
        elif "channels" in entry:
            for pcm, text in zip(_channels(path), entry["channels"], strict=True):
                yield Speech(trimmed(pcm), text)
        elif entry.get("text"):
            speech = Speech(decode(path), entry["text"])
            if speech.seconds <= LONGEST:
                yield speech


def _channels(path: Path) -> list[np.ndarray]:
    from faster_whisper.audio import decode_audio

    both = decode_audio(str(path), sampling_rate=RATE, split_stereo=True)
    return [np.round(channel * 32767).astype(np.int16) for channel in both]


def _cut(clip: Speech, listener: Baseline, work: Path) -> list[Speech]:
    """Cuts a clip at pauses if the recognized words on both sides are neighbours in its text."""
    edges = [0, *(int(pause * RATE) for pause in _pauses(clip.pcm)), len(clip.pcm)]
    recognized = []
    for number, (start, end) in enumerate(pairwise(edges)):
        path = Speech(clip.pcm[start:end], "").write(work / f"piece-{number}.wav")
        recognized.append([_bare(word) for word in listener.sequential(path)[0].split()])
    reference_words = clip.text.split()
    matcher = SequenceMatcher(
        None,
        [_bare(word) for word in reference_words],
        [word for words in recognized for word in words],
        False,
    )
    place = {block.b + i: block.a + i for block in matcher.get_matching_blocks() for i in range(block.size)}
    pieces, first, start, count = [], 0, 0, 0
    for words, end in zip(recognized, edges[1:], strict=True):
        count += len(words)
        if end == edges[-1]:
            last = len(reference_words)
        elif place.get(count, -1) - place.get(count - 1, -9) == 1 and end - start >= 1.5 * RATE:
            last = place[count]
        else:
            continue
        pieces.append(Speech(trimmed(clip.pcm[start:end]), " ".join(reference_words[first:last])))
        first, start = last, end
    return [piece for piece in pieces if piece.text and 1 <= piece.seconds <= 15]


def _pauses(pcm: np.ndarray) -> list[float]:
    """The middle of each pause, in seconds."""
    frame = RATE // 50
    level = np.sqrt(
        np.mean(pcm[: len(pcm) // frame * frame].reshape(-1, frame).astype(np.float64) ** 2, axis=1)
    )
    quiet = "".join("q" if value < 0.1 * np.percentile(level, 90) else "." for value in level)
    return [(match.start() + match.end()) / 2 / 50 for match in re.finditer("q{12,}", quiet)]


def _bare(word: str) -> str:
    return re.sub(r"[^\w']", "", word.lower())


def _shuffled(items: list[Speech], rng: np.random.Generator) -> Iterator[Speech]:
    while True:
        for index in rng.permutation(len(items)):
            yield items[index]


def _monologues(rng: np.random.Generator) -> Iterator[Speech]:
    while True:
        voice = any_voice(rng)
        parts = _until(sentences(rng, voice), rng.uniform(15, 25))
        yield join(parts, pauses=[0.08] * len(parts))


def _until(source: Iterator[Speech], seconds: float) -> list[Speech]:
    """The first items, until they last at least `seconds`."""
    chosen: list[Speech] = []
    lasting = 0.0
    while lasting < seconds:
        chosen.append(next(source))
        lasting += chosen[-1].seconds
    return chosen


def _clip(rng: np.random.Generator, seconds: float) -> Speech:
    """Sentences of about `seconds` in all, and 15 s at most. Skips a sentence that would exceed that."""
    voice: Voice = any_voice(rng)
    parts: list[Speech] = []
    lasting = 0.0
    for sentence in islice(sentences(rng, voice), 2 * len(SENTENCES)):
        if lasting + sentence.seconds + 0.4 <= 15:
            parts.append(sentence)
            lasting += sentence.seconds + 0.4
        if lasting >= seconds or lasting > 13:
            break
    return join(parts, pauses=[0.4] * len(parts))
