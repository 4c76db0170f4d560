"""Stretches of speech → windows: the model's inputs, cut at pauses."""

from dataclasses import dataclass

import numpy as np

from .audio import SAMPLE_RATE
from .vad import FRAME, Speech

USUAL = 15.0
"""Seconds that a window does not exceed where there is a pause to cut it at."""
LONGEST = 30.0
"""Seconds that no window exceeds: the model's input."""
MARGIN = 0.2
"""Seconds of audio kept on each side of speech; cutting to the sample costs words."""
_GAP = 0.5
_GAP_WHILE_SHORT = 1.25
_SHORT = 5.0
_EARLIEST = 8.0
_CLEAR_DIP = 0.5


@dataclass(frozen=True)
class Window:
    """`start` and `end` in samples, margins included; `speech` lies within them."""

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
    """Stretches of speech as they are found → windows, in order and without overlap.

    A window is given out once nothing that is still to come can change it, so the windows do not depend on how the
    audio was divided.
    """

    def __init__(self) -> None:
        self._probability = np.zeros(0, np.float32)
        self._forgotten = 0
        self._pieces: list[Speech] = []
        self._cut_to = 0
        self._bound = 0
        self._before: int | None = None

    @property
    def needed(self) -> int:
        """No later window holds a sample before this one."""
        first = self._pieces[0].start if self._pieces else self._bound
        return max(0, first - int(MARGIN * SAMPLE_RATE))

    def push(self, probability: np.ndarray, closed: list[Speech], going_on: Speech | None, seen: int) -> list[Window]:
        """closed: the stretches that these probabilities end; going_on: one that may not end where it does by now;
        seen: samples that all probabilities so far speak for.
        """
        self._probability = np.concatenate([self._probability, probability])
        for stretch in closed:
            self._add(stretch, ended=True)
        self._bound = seen
        if going_on:
            self._add(going_on, ended=False)
            self._bound = max(going_on.start, self._cut_to)
        found = self._complete(None)
        passed = min(self._bound // FRAME - self._forgotten, len(self._probability))
        self._probability = self._probability[passed:]
        self._forgotten += passed
        return found

    def finish(self, closed: list[Speech], total: int) -> list[Window]:
        """The windows left in audio of `total` samples."""
        for stretch in closed:
            self._add(stretch, ended=True)
        return self._complete(total)

    def _add(self, stretch: Speech, *, ended: bool) -> None:
        """A stretch without a pause that is too long for a window is cut where it sounds least like speech."""
        start = max(stretch.start, self._cut_to)
        longest = int((LONGEST - 2 * MARGIN) * SAMPLE_RATE)
        while stretch.end - start > USUAL * SAMPLE_RATE:
            place, least = self._least(start, _EARLIEST, USUAL - 2 * MARGIN)
            if least >= _CLEAR_DIP:
                if stretch.end - start <= longest:
                    break
                place, _ = self._least(start, USUAL, LONGEST - 2 * MARGIN)
            self._pieces.append(Speech(start, place * FRAME))
            start = place * FRAME
        if ended:
            self._pieces.append(Speech(start, stretch.end))
            start = stretch.end
        self._cut_to = start

    def _least(self, start: int, earliest: float, latest: float) -> tuple[int, float]:
        first = (start + int(earliest * SAMPLE_RATE)) // FRAME - self._forgotten
        last = (start + int(latest * SAMPLE_RATE)) // FRAME - self._forgotten
        place = first + int(np.argmin(self._probability[first:last]))
        return place + self._forgotten, float(self._probability[place])

    def _complete(self, total: int | None) -> list[Window]:
        """Neighbours in one window while it stays short; a run that must be cut is cut at its longest late pause."""
        found: list[Window] = []
        while self._pieces:
            count = _fitting(self._pieces)
            after = self._bound if total is None else total
            if count < len(self._pieces):
                if _joins(self._pieces, count, self._pieces[count].start) and count > 1:
                    count = _best_cut(self._pieces, count)
                after = self._pieces[count].start
            elif total is None and _joins(self._pieces, count, self._bound):
                break
            group, self._pieces = self._pieces[:count], self._pieces[count:]
            found.append(self._with_margins(group, after, last=total is not None and not self._pieces))
        return found

    def _with_margins(self, group: list[Speech], after: int, *, last: bool) -> Window:
        """after: where the next speech begins, or with `last` the audio ends."""
        margin = int(MARGIN * SAMPLE_RATE)
        start = max(group[0].start - margin, 0 if self._before is None else (self._before + group[0].start) // 2)
        end = min(group[-1].end + margin, after if last else (after + group[-1].end) // 2)
        self._before = group[-1].end
        return Window(start, end, tuple(group))


def _fitting(pieces: list[Speech]) -> int:
    count = 1
    while (
        count < len(pieces)
        and pieces[count].end - pieces[0].start <= (USUAL - 2 * MARGIN) * SAMPLE_RATE
        and _joins(pieces, count, pieces[count].start)
    ):
        count += 1
    return count


def _joins(pieces: list[Speech], i: int, after: int) -> bool:
    """Whether speech that begins at `after` goes on with the first `i` pieces.

    A pause ends a window; a few words alone reach over a longer one, since they are heard better in company.
    """
    short = pieces[i - 1].end - pieces[0].start < _SHORT * SAMPLE_RATE
    return after - pieces[i - 1].end <= (_GAP_WHILE_SHORT if short else _GAP) * SAMPLE_RATE


def _best_cut(pieces: list[Speech], count: int) -> int:
    late = [i for i in range(1, count + 1) if pieces[i - 1].end - pieces[0].start >= _EARLIEST * SAMPLE_RATE]
    return max(late, key=lambda i: pieces[i].start - pieces[i - 1].end, default=count)
