"""The voices of one window: their embeddings, and the division of voices that are two speakers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import clustering
from .models import Models
from .segmentation import FRAMES

_CROP = 198
"""Mel frames of an embedding: 2 s."""

_MAX_CROPS = 3
_BATCH = 16

_SIMILAR = 0.3
"""Cosine similarity below which two crops of a voice may be of two speakers."""

_STEP = 66
_THRESHOLD = 0.6
_MIN_CROPS = 2


@dataclass(frozen=True, eq=False)
class Heard:
    """The speech of a voice. `speaks`: 1 in each frame of the window in which it speaks. `mel`: features
    of its speech, if possible without another voice. `frames`: the window's frame of each mel frame.
    `seconds`: of speech without another voice."""

    speaks: np.ndarray
    mel: np.ndarray
    frames: np.ndarray
    seconds: float


@dataclass(frozen=True, eq=False)
class LocalVoice:
    """A voice within one window. `embedding` rests on `seconds` of speech without another voice."""

    speaks: np.ndarray
    embedding: np.ndarray
    seconds: float


def local_voices(models: Models, voices: Sequence[Heard]) -> list[list[LocalVoice]]:
    """For each voice: itself, or the two speakers it was divided into."""
    crops = [_crops(voice.mel) for voice in voices]
    flat = [crop for group in crops for crop in group]
    embeddings = [e for at in range(0, len(flat), _BATCH) for e in _embed(models, flat[at : at + _BATCH])]
    result, at = [], 0
    for voice, group in zip(voices, crops, strict=True):
        own = np.stack(embeddings[at : at + len(group)])
        at += len(group)
        parts = _divided(models, voice) if (own @ own.T).min() < _SIMILAR else []
        total = own.sum(axis=0)
        result.append(parts or [LocalVoice(voice.speaks, total / np.linalg.norm(total), voice.seconds)])
    return result


def _crops(mel: np.ndarray) -> list[np.ndarray]:
    """Crops of equal length, spread over the speech. Shorter speech is repeated."""
    if len(mel) < _CROP:
        return [np.tile(mel, (_CROP // len(mel) + 1, 1))[:_CROP]]
    starts = np.linspace(0, len(mel) - _CROP, min(_MAX_CROPS, len(mel) // _CROP)).astype(int)
    return [mel[start : start + _CROP] for start in starts]


def _embed(models: Models, crops: Sequence[np.ndarray]) -> np.ndarray:
    return models.embed(np.stack([crop - crop.mean(axis=0) for crop in crops]))


def _divided(models: Models, voice: Heard) -> list[LocalVoice]:
    """The two speakers of a voice, or nothing if it is one. The segmentation sometimes takes two similar
    voices for one, and it has no fourth voice. Each frame goes to the speaker of the nearest crop."""
    starts = np.arange(0, len(voice.mel) - _CROP + 1, _STEP)
    if len(starts) < 2 * _MIN_CROPS:
        return []
    embeddings = _embed(models, [voice.mel[start : start + _CROP] for start in starts])
    weights = np.ones(len(embeddings))
    labels = clustering.labels(embeddings, weights, threshold=_THRESHOLD)
    sizes = np.bincount(labels)
    largest = np.argsort(-sizes, kind="stable")[:2]
    if len(largest) < 2 or sizes[largest[1]] < _MIN_CROPS:
        return []
    centroids = clustering.centroids(embeddings, weights, labels)[largest]
    speakers = (embeddings @ centroids.T).argmax(axis=1)
    middles = voice.frames[starts + _CROP // 2]
    speaker = speakers[np.abs(np.arange(FRAMES)[:, None] - middles).argmin(axis=1)]
    return [
        LocalVoice(
            voice.speaks * (speaker == number).astype(np.uint8),
            centroid,
            voice.seconds * float((speaker[voice.frames] == number).mean()),
        )
        for number, centroid in enumerate(centroids)
    ]
