"""The voices of one window: their embeddings, and the division of voices that are two speakers."""

from dataclasses import dataclass

import numpy as np

from . import clustering
from .segmentation import FRAMES
from .speech import Speech

_CROP = 70
"""Units of an embedding (1.4 s)."""

_STEP = _CROP // 3

_SIMILAR = 0.3
"""Cosine similarity below which two crops of a voice may be of two speakers."""

_THRESHOLD = 0.6
_MIN_CROPS = 2


@dataclass(frozen=True, eq=False)
class Heard:
    """The speech of a voice in a window. `speaks`: the probability that it speaks, of each frame of the
    window. `units`: of its speech, if possible without another voice. `frames`: the window's frame of each
    unit. `seconds`: of speech without another voice."""

    speaks: np.ndarray
    units: np.ndarray
    frames: np.ndarray
    seconds: float


@dataclass(frozen=True, eq=False)
class LocalVoice:
    """A voice within one window. `embedding` rests on `seconds` of speech without another voice."""

    speaks: np.ndarray
    embedding: np.ndarray
    seconds: float


def local_voices(speech: Speech, voice: Heard) -> list[LocalVoice]:
    """The voice, or the two speakers that it is divided into. After all voices were heard."""
    heard = speech.is_heard(voice.units)
    units, frames = voice.units[heard], voice.frames[heard]
    starts = _starts(len(units))
    embeddings = speech.embeddings(units, starts, _CROP)
    centroids = _centroids(embeddings)
    if len(centroids) == 1:
        return [LocalVoice(voice.speaks, centroids[0], voice.seconds)]
    # Each frame goes to the speaker of the nearest crop.
    speakers = (embeddings @ centroids.T).argmax(axis=1)
    middles = frames[starts + _CROP // 2]
    speaker = speakers[np.abs(np.arange(FRAMES)[:, None] - middles).argmin(axis=1)]
    return [
        LocalVoice(
            voice.speaks * (speaker == number),
            centroid,
            voice.seconds * float((speaker[frames] == number).mean()),
        )
        for number, centroid in enumerate(centroids)
    ]


def _starts(units: int) -> np.ndarray:
    """Where crops begin that are spread evenly over all units."""
    if units <= _CROP:
        return np.zeros(1, int)
    return np.linspace(0, units - _CROP, max(2, round((units - _CROP) / _STEP) + 1)).astype(int)


def _centroids(embeddings: np.ndarray) -> np.ndarray:
    """The embedding of a voice, or of the two speakers that it is. The segmentation sometimes takes two
    similar voices for one, and it has no fourth voice."""
    weights = np.ones(len(embeddings))
    one = np.zeros(len(embeddings), int)
    if len(embeddings) >= 2 * _MIN_CROPS and (embeddings @ embeddings.T).min() < _SIMILAR:
        labels = clustering.labels(embeddings, weights, threshold=_THRESHOLD)
        sizes = np.bincount(labels)
        largest = np.argsort(-sizes, kind="stable")[:2]
        if len(largest) == 2 and sizes[largest[1]] >= _MIN_CROPS:
            return clustering.centroids(embeddings, weights, labels)[largest]
    return clustering.centroids(embeddings, weights, one)
