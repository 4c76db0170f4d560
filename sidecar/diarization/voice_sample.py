"""A sample of one voice → its embedding."""

from collections.abc import Iterable
from concurrent.futures import Executor

import numpy as np

from ..audio.decoder import SAMPLE_RATE
from ..errors import validation
from .block import Voice
from .diarizer import Diarizer
from .models import Models

MIN_SECONDS, MAX_SECONDS = 2.0, 30.0

_MIN_SPEECH_SECONDS = 1.5
_OTHER_SECONDS = 1.0


def embed(models: Models, pool: Executor, blocks: Iterable[np.ndarray]) -> Voice:
    """blocks: int16 samples. Raises a `validation` RequestError if they are not a sample of one voice."""
    diarizer = Diarizer(models, pool)
    seconds = 0.0
    for block in blocks:
        seconds += len(block) / SAMPLE_RATE
        if seconds > MAX_SECONDS:
            raise validation(f"the voice sample is longer than {MAX_SECONDS:g} s")
        diarizer.push(block)
    if seconds < MIN_SECONDS:
        raise validation(f"the voice sample has {seconds:.1f} s; it takes at least {MIN_SECONDS:g} s")
    diarizer.end()
    voices = sorted(diarizer.finish().voices, key=lambda voice: -voice.seconds)
    if not voices:
        raise validation("the voice sample has no speech")
    others = [voice for voice in voices[1:] if voice.seconds >= _OTHER_SECONDS]
    if others:
        raise validation(f"the voice sample has {1 + len(others)} speakers; it takes one")
    if voices[0].seconds < _MIN_SPEECH_SECONDS:
        speech = f"{voices[0].seconds:.1f} s of speech"
        raise validation(f"the voice sample has {speech}; it takes at least {_MIN_SPEECH_SECONDS:g} s")
    return voices[0]
