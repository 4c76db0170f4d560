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


def cut(speech: list[Speech], probability: np.ndarray, total: int) -> list[Window]:
    """Windows of audio of `total` samples, in order and without overlap."""
    pieces = [piece for stretch in speech for piece in _shortened(stretch, probability)]
    return _with_margins(_grouped(pieces), total)


def _shortened(stretch: Speech, probability: np.ndarray) -> list[Speech]:
    """A stretch without a pause that is too long for a window, cut where it sounds least like speech."""
    pieces = []
    start = stretch.start
    longest = int((LONGEST - 2 * MARGIN) * SAMPLE_RATE)
    while stretch.end - start > USUAL * SAMPLE_RATE:
        place = _least(probability, start, _EARLIEST, USUAL - 2 * MARGIN)
        if probability[place] >= _CLEAR_DIP:
            if stretch.end - start <= longest:
                break
            place = _least(probability, start, USUAL, LONGEST - 2 * MARGIN)
        pieces.append(Speech(start, place * FRAME))
        start = place * FRAME
    return [*pieces, Speech(start, stretch.end)]


def _least(probability: np.ndarray, start: int, earliest: float, latest: float) -> int:
    first = (start + int(earliest * SAMPLE_RATE)) // FRAME
    last = (start + int(latest * SAMPLE_RATE)) // FRAME
    return first + int(np.argmin(probability[first:last]))


def _grouped(pieces: list[Speech]) -> list[list[Speech]]:
    """Neighbours in one window while it stays short; a run that must be cut is cut at its longest late pause."""
    groups: list[list[Speech]] = []
    rest = pieces
    while rest:
        count = _fitting(rest)
        run_goes_on = count < len(rest) and _joins(rest, count)
        if run_goes_on and count > 1:
            count = _best_cut(rest, count)
        groups.append(rest[:count])
        rest = rest[count:]
    return groups


def _fitting(pieces: list[Speech]) -> int:
    count = 1
    while (
        count < len(pieces)
        and pieces[count].end - pieces[0].start <= (USUAL - 2 * MARGIN) * SAMPLE_RATE
        and _joins(pieces, count)
    ):
        count += 1
    return count


def _joins(pieces: list[Speech], i: int) -> bool:
    """A pause ends a window; a few words alone reach over a longer one, since they are heard better in company."""
    short = pieces[i - 1].end - pieces[0].start < _SHORT * SAMPLE_RATE
    return _pause(pieces, i) <= (_GAP_WHILE_SHORT if short else _GAP) * SAMPLE_RATE


def _pause(pieces: list[Speech], i: int) -> int:
    return pieces[i].start - pieces[i - 1].end


def _best_cut(pieces: list[Speech], count: int) -> int:
    late = [i for i in range(1, count + 1) if pieces[i - 1].end - pieces[0].start >= _EARLIEST * SAMPLE_RATE]
    return max(late, key=lambda i: _pause(pieces, i), default=count)


def _with_margins(groups: list[list[Speech]], total: int) -> list[Window]:
    margin = int(MARGIN * SAMPLE_RATE)
    windows: list[Window] = []
    for i, group in enumerate(groups):
        before = groups[i - 1][-1].end if i else 0
        after = groups[i + 1][0].start if i + 1 < len(groups) else total
        start = max(group[0].start - margin, (before + group[0].start) // 2 if i else 0)
        end = min(group[-1].end + margin, (after + group[-1].end) // 2 if i + 1 < len(groups) else total)
        windows.append(Window(start, end, tuple(group)))
    return windows
