"""A window of audio: its local voices, with an embedding of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..audio.decoder import SAMPLE_RATE
from . import segmentation
from .local_voices import Heard, LocalVoice, local_voices
from .models import Models
from .segmentation import FIRST_FRAME, FRAME, FRAMES, VOICES, WINDOW, Activity
from .speech import UNIT, UNIT_CENTRE, Speech

_MIN_VOICE_SECONDS = 0.1
_MIN_CLEAN_SECONDS = 0.4
_MIN_UNITS = 5

_SECONDS = FRAME / SAMPLE_RATE


@dataclass(frozen=True, eq=False)
class Window:
    """`start`: the number of its first frame in the audio. `counts`: the probabilities that at least one
    voice speaks, and that two speak [frames, 2]."""

    start: int
    counts: np.ndarray
    voices: list[LocalVoice]


def analyse(models: Models, samples: np.ndarray, starts: Sequence[int], *, offset: int) -> list[Window]:
    """samples: float32, from frame `offset` of the audio on; padded with silence if they end early. starts:
    frames of the audio."""
    end = (max(starts) - offset) * FRAME + WINDOW
    padded = np.pad(samples, (0, max(0, end - len(samples))))
    begins = [(start - offset) * FRAME for start in starts]
    audible = [max(0, (len(samples) - begin - FIRST_FRAME) // FRAME) for begin in begins]
    activities = segmentation.activity(models, padded, begins, audible)
    speech = Speech(models, padded)
    # A voice's embedding needs the features of all windows.
    heard = [_voices(speech, begin, activity) for begin, activity in zip(begins, activities, strict=True)]
    return [
        Window(start, activity.counts, [part for voice in voices for part in local_voices(speech, voice)])
        for start, activity, voices in zip(starts, activities, heard, strict=True)
    ]


def _voices(speech: Speech, begin: int, activity: Activity) -> list[Heard]:
    """begin: the sample at which the window begins."""
    units = np.arange(-(-begin // UNIT), min((begin + WINDOW) // UNIT, len(speech)))
    frames = np.clip((units * UNIT + UNIT_CENTRE - begin - FIRST_FRAME) // FRAME, 0, FRAMES - 1)
    alone = activity.active.sum(axis=1) == 1
    voices = []
    for voice in range(VOICES):
        active = activity.active[:, voice] == 1
        clean = active & alone
        seconds = float(clean.sum()) * _SECONDS
        used = (clean if seconds >= _MIN_CLEAN_SECONDS else active)[frames]
        if active.sum() * _SECONDS >= _MIN_VOICE_SECONDS and used.sum() >= _MIN_UNITS:
            speech.hear(units[used])
            voices.append(Heard(activity.speaks[:, voice], units[used], frames[used], seconds))
    return voices
