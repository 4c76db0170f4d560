"""What hears a request's audio beside the transcription."""

from collections.abc import Iterator

import numpy as np

from ..audio.decoder import SAMPLE_RATE
from ..errors import validation


class Listener:
    """Hears all of the audio, and passes on the part between its contexts, which is transcribed. Only for the
    request's thread.

    before, after: seconds of context.
    """

    def __init__(self, before: float, after: float):
        self._before = round(before * SAMPLE_RATE)
        self._after = round(after * SAMPLE_RATE)
        self.ended = False

    def through(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Raises a `validation` RequestError if nothing is left between the contexts."""
        skipped, passed = 0, False
        held = np.zeros(0, np.int16)
        for block in blocks:
            self.hear(block)
            skip = min(self._before - skipped, len(block))
            skipped += skip
            held = np.concatenate([held, block[skip:]])
            ready = len(held) - self._after
            if ready > 0:
                passed = True
                yield held[:ready]
                held = held[ready:]
        self.ended = True
        if not passed:
            raise validation("context_before and context_after leave no audio between them")

    def hear(self, samples: np.ndarray) -> None:
        """Takes int16 samples. Returns at once."""

    def catch_up(self) -> None:
        """May wait until what was heard is processed."""
