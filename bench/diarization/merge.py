"""Joins the voices of all spans into speakers: the reference of the service's merge-voices.ts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sidecar.diarization import clustering

THRESHOLD = 0.6
APART = 0.5
LEAST_SECONDS, MOST_SECONDS, SHARE = 0.5, 2.0, 1 / 30
MAX_WEIGHT = 60.0


@dataclass(frozen=True, eq=False)
class SpanVoice:
    span: int
    seconds: float
    embedding: np.ndarray


def merge(voices: Sequence[SpanVoice], *, at_least: int = 1, at_most: int | None = None) -> list[int]:
    """The speaker of each voice. Voices with little speech go to the nearest speaker and make none of their
    own, unless there would be too few."""
    if not voices:
        return []
    order = sorted(range(len(voices)), key=lambda index: (-voices[index].seconds, index))
    speech = sum(voice.seconds for voice in voices)
    minimum = min(max(speech * SHARE, LEAST_SECONDS), MOST_SECONDS)
    long = [index for index in order if voices[index].seconds >= minimum]
    strong = sorted(long if len(long) >= at_least else order[:at_least])
    embeddings = np.stack([voices[index].embedding for index in strong])
    weights = np.clip([voices[index].seconds for index in strong], 0.1, MAX_WEIGHT)
    spans = np.array([voices[index].span for index in strong])
    apart = APART * (spans[:, None] == spans)
    labels = clustering.labels(
        embeddings,
        weights,
        threshold=THRESHOLD,
        least=at_least,
        most=at_most,
        apart=apart,
    )
    centroids = clustering.centroids(embeddings, weights, labels)
    nearest = [int((centroids @ voice.embedding).argmax()) for voice in voices]
    for index, label in zip(strong, labels, strict=True):
        nearest[index] = int(label)
    return nearest
