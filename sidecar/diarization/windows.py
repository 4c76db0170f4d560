"""A window of audio: its local voices, with an embedding of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..audio.decoder import SAMPLE_RATE
from . import segmentation
from .local_voices import Heard, LocalVoice, local_voices
from .models import Models
from .segmentation import FIRST_FRAME, FRAME, FRAMES, WINDOW
from .speech import UNIT, UNIT_CENTRE, Speech

_MIN_VOICE_SECONDS = 0.1
_MIN_CLEAN_SECONDS = 0.4
_MIN_UNITS = 5

_SECONDS = FRAME / SAMPLE_RATE


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
    speech = Speech(models, padded)
    voices = []
    for begin, speaks in zip(begins, activity, strict=True):
        speaks[max(0, (audible - begin - FIRST_FRAME) // FRAME) :] = 0
        voices.append(_voices(speech, begin, speaks))
    return [
        Window(
            start,
            speaks.sum(axis=1, dtype=np.uint8),
            [part for voice in heard for part in local_voices(speech, voice)],
        )
        for start, speaks, heard in zip(starts, activity, voices, strict=True)
    ]


def _voices(speech: Speech, begin: int, activity: np.ndarray) -> list[Heard]:
    """begin: the sample at which the window begins."""
    units = np.arange(-(-begin // UNIT), min((begin + WINDOW) // UNIT, len(speech)))
    frames = np.clip((units * UNIT + UNIT_CENTRE - begin - FIRST_FRAME) // FRAME, 0, FRAMES - 1)
    alone = activity.sum(axis=1) == 1
    voices = []
    for voice in range(activity.shape[1]):
        speaks = activity[:, voice] == 1
        clean = speaks & alone
        seconds = float(clean.sum()) * _SECONDS
        used = (clean if seconds >= _MIN_CLEAN_SECONDS else speaks)[frames]
        if speaks.sum() * _SECONDS >= _MIN_VOICE_SECONDS and used.sum() >= _MIN_UNITS:
            speech.hear(units[used])
            voices.append(Heard(activity[:, voice].copy(), units[used], frames[used], seconds))
    return voices
