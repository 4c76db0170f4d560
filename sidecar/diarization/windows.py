"""A window of audio: its local voices, with an embedding of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..audio.decoder import SAMPLE_RATE
from . import segmentation
from .features import HOP, fbank
from .models import Models
from .segmentation import FIRST_FRAME, FRAME, FRAMES, WINDOW

_CROP = 198
"""Mel frames of an embedding: 2 s."""

_MAX_CROPS = 3
_MIN_VOICE_SECONDS = 0.1
_MIN_CLEAN_SECONDS = 0.4
_MIN_MEL_FRAMES = 10
_BATCH = 16
_MEL_CENTRE = 200

_SECONDS = FRAME / SAMPLE_RATE


@dataclass(frozen=True, eq=False)
class LocalVoice:
    """A voice within one window. `embedding` rests on `seconds` of speech without another voice."""

    speaks: np.ndarray
    embedding: np.ndarray
    seconds: float


@dataclass(frozen=True, eq=False)
class Window:
    """`start`: the number of its first frame in the audio. `counts`: voices per frame."""

    start: int
    counts: np.ndarray
    voices: list[LocalVoice]


def analyse(models: Models, samples: np.ndarray, starts: Sequence[int], *, offset: int) -> list[Window]:
    """samples: float32, from frame `offset` of the audio on; padded with silence if they end early. starts:
    frames of the audio."""
    audible = len(samples)
    end = (max(starts) - offset) * FRAME + WINDOW
    padded = np.pad(samples, (0, max(0, end - audible)))
    begins = [(start - offset) * FRAME for start in starts]
    activity = segmentation.activity(models, np.stack([padded[at : at + WINDOW] for at in begins]))
    for begin, speaks in zip(begins, activity, strict=True):
        speaks[max(0, (audible - begin - FIRST_FRAME) // FRAME) :] = 0
    mel = fbank(padded)
    found = [
        (index, voice, crops, seconds)
        for index, (begin, speaks) in enumerate(zip(begins, activity, strict=True))
        for voice, crops, seconds in _voices(mel[begin // HOP : (begin + WINDOW) // HOP], speaks)
    ]
    embeddings = _embeddings(models, [crops for _, _, crops, _ in found])
    windows = [
        Window(start, speaks.sum(axis=1, dtype=np.uint8), [])
        for start, speaks in zip(starts, activity, strict=True)
    ]
    for (index, voice, _, seconds), embedding in zip(found, embeddings, strict=True):
        windows[index].voices.append(LocalVoice(activity[index][:, voice].copy(), embedding, seconds))
    return windows


def _voices(mel: np.ndarray, activity: np.ndarray) -> list[tuple[int, list[np.ndarray], float]]:
    """The voices of one window: number, crops of mel features, seconds without another voice."""
    frames = np.clip((np.arange(len(mel)) * HOP + _MEL_CENTRE - FIRST_FRAME) // FRAME, 0, FRAMES - 1)
    alone = activity.sum(axis=1) == 1
    voices = []
    for voice in range(activity.shape[1]):
        speaks = activity[:, voice] == 1
        clean = speaks & alone
        seconds = float(clean.sum()) * _SECONDS
        heard = mel[(clean if seconds >= _MIN_CLEAN_SECONDS else speaks)[frames]]
        if speaks.sum() * _SECONDS >= _MIN_VOICE_SECONDS and len(heard) >= _MIN_MEL_FRAMES:
            voices.append((voice, _crops(heard), seconds))
    return voices


def _crops(mel: np.ndarray) -> list[np.ndarray]:
    """Crops of equal length, spread over the speech. Shorter speech is repeated."""
    if len(mel) < _CROP:
        return [np.tile(mel, (_CROP // len(mel) + 1, 1))[:_CROP]]
    starts = np.linspace(0, len(mel) - _CROP, min(_MAX_CROPS, len(mel) // _CROP)).astype(int)
    return [mel[start : start + _CROP] for start in starts]


def _embeddings(models: Models, voices: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """The mean embedding of each voice's crops, of unit length."""
    crops = [crop - crop.mean(axis=0) for voice in voices for crop in voice]
    embedded = [
        embedding
        for at in range(0, len(crops), _BATCH)
        for embedding in models.embed(np.stack(crops[at : at + _BATCH]))
    ]
    means, at = [], 0
    for voice in voices:
        total = np.sum(embedded[at : at + len(voice)], axis=0)
        means.append(total / np.linalg.norm(total))
        at += len(voice)
    return means
