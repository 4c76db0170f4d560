"""Stretches of speech → windows: the model's inputs, cut at pauses."""

from dataclasses import dataclass, replace

import numpy as np

from .decoder import SAMPLE_RATE
from .vad import FRAME, Speech

USUAL = 15.0
"""Seconds that a window does not exceed if there is a pause to cut at."""
LONGEST = 30.0
"""Seconds that no window exceeds: the model's input."""
MARGIN = 0.2
"""Seconds of audio kept on each side of speech. Cutting exactly at the speech loses words."""
_MAX_PAUSE = 1.25
_MAX_PAUSE_BEFORE_FAINT = 0.5
_EARLIEST_CUT = 8.0
_MAX_DIP_PROBABILITY = 0.5


@dataclass(frozen=True)
class Window:
    """`start` and `end` in samples, margins included. `speech` lies within them."""

    start: int
    end: int
    speech: tuple[Speech, ...]

    @property
    def samples(self) -> int:
        return self.end - self.start

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE


class Cutter:
    """Stretches of speech, as they are found → windows, in order and without overlap.

    A window is returned once no later audio can change it, so windows do not depend on how the audio was
    divided into blocks.
    """

    def __init__(self) -> None:
        self._probability = np.zeros(0, np.float32)
        self._dropped = 0
        self._stretches: list[Speech] = []
        self._cut_end = 0
        self._bound = 0
        self._previous_end: int | None = None

    @property
    def needed(self) -> int:
        """The first sample that a later window can hold."""
        first = self._stretches[0].start if self._stretches else self._bound
        return max(0, first - int(MARGIN * SAMPLE_RATE))

    def push(
        self, probability: np.ndarray, closed: list[Speech], open_stretch: Speech | None, settled: int
    ) -> list[Window]:
        """closed: the stretches that end in these frames. open_stretch: the stretch that has not ended yet.
        settled: samples before which no other stretch can start."""
        self._probability = np.concatenate([self._probability, probability])
        for stretch in closed:
            self._add(stretch, ended=True)
        self._bound = settled
        if open_stretch:
            self._add(open_stretch, ended=False)
            self._bound = max(open_stretch.start, self._cut_end)
        windows = self._complete(None)
        passed = min(self._bound // FRAME - self._dropped, len(self._probability))
        self._probability = self._probability[passed:]
        self._dropped += passed
        return windows

    def finish(self, closed: list[Speech], total: int) -> list[Window]:
        """The remaining windows, in audio of `total` samples."""
        for stretch in closed:
            self._add(stretch, ended=True)
        return self._complete(total)

    def _add(self, stretch: Speech, *, ended: bool) -> None:
        """Cuts a stretch that is too long for a window at the frame with the lowest probability of speech."""
        start = max(stretch.start, self._cut_end)
        longest = int((LONGEST - 2 * MARGIN) * SAMPLE_RATE)
        while stretch.end - start > USUAL * SAMPLE_RATE:
            frame, probability = self._least_like_speech(start, _EARLIEST_CUT, USUAL - 2 * MARGIN)
            if probability >= _MAX_DIP_PROBABILITY:
                if stretch.end - start <= longest:
                    break
                frame, _ = self._least_like_speech(start, USUAL, LONGEST - 2 * MARGIN)
            self._stretches.append(Speech(start, frame * FRAME))
            start = frame * FRAME
        if ended:
            self._stretches.append(replace(stretch, start=start))
            start = stretch.end
        self._cut_end = start

    def _least_like_speech(self, start: int, earliest: float, latest: float) -> tuple[int, float]:
        first = (start + int(earliest * SAMPLE_RATE)) // FRAME - self._dropped
        last = (start + int(latest * SAMPLE_RATE)) // FRAME - self._dropped
        frame = first + int(np.argmin(self._probability[first:last]))
        return frame + self._dropped, float(self._probability[frame])

    def _complete(self, total: int | None) -> list[Window]:
        """Joins neighbouring stretches while the window stays short. A run that must be cut is cut at its
        longest late pause."""
        windows: list[Window] = []
        while self._stretches:
            count = _fitting(self._stretches)
            after = self._bound if total is None else total
            if count < len(self._stretches):
                if _joins_next(self._stretches, count) and count > 1:
                    count = _best_cut(self._stretches, count)
                after = self._stretches[count].start
            elif total is None and self._bound - self._stretches[-1].end <= _MAX_PAUSE * SAMPLE_RATE:
                break
            group, self._stretches = self._stretches[:count], self._stretches[count:]
            windows.append(self._with_margins(group, after, last=total is not None and not self._stretches))
        return windows

    def _with_margins(self, group: list[Speech], after: int, *, last: bool) -> Window:
        """after: where the next speech begins, or, with `last`, where the audio ends."""
        margin = int(MARGIN * SAMPLE_RATE)
        start = max(
            group[0].start - margin,
            0 if self._previous_end is None else (self._previous_end + group[0].start) // 2,
        )
        end = min(group[-1].end + margin, after if last else (after + group[-1].end) // 2)
        self._previous_end = group[-1].end
        return Window(start, end, tuple(group))


def _fitting(stretches: list[Speech]) -> int:
    count = 1
    while (
        count < len(stretches)
        and stretches[count].end - stretches[0].start <= (USUAL - 2 * MARGIN) * SAMPLE_RATE
        and _joins_next(stretches, count)
    ):
        count += 1
    return count


def _joins_next(stretches: list[Speech], i: int) -> bool:
    """Whether the i-th stretch belongs to the window of those before it. A faint stretch does not extend a
    window over a longer pause: it belongs to the speech that it is close to."""
    following = stretches[i]
    longest = _MAX_PAUSE_BEFORE_FAINT if following.faint else _MAX_PAUSE
    return following.start - stretches[i - 1].end <= longest * SAMPLE_RATE


def _best_cut(stretches: list[Speech], count: int) -> int:
    late = [
        i
        for i in range(1, count + 1)
        if stretches[i - 1].end - stretches[0].start >= _EARLIEST_CUT * SAMPLE_RATE
    ]
    return max(late, key=lambda i: stretches[i].start - stretches[i - 1].end, default=count)
