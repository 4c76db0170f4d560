"""Error rates, and paired differences between two subjects with a bootstrap interval."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .errors import CHARACTERS, Count
from .material import Recording

_SAMPLES = 10_000
_LEAST_CLIPS = 15


@dataclass(frozen=True)
class Difference:
    """In percentage points, with its 95 % interval."""

    points: float
    low: float
    high: float


@dataclass(frozen=True)
class Group:
    """`indices`: of the recordings that belong to it."""

    kind: str
    name: str
    indices: tuple[int, ...]

    @property
    def large(self) -> bool:
        return len(self.indices) >= _LEAST_CLIPS


def rate(counts: Sequence[Count], group: Group) -> float:
    """In per cent."""
    own = [counts[i] for i in group.indices]
    return 100 * sum(count.errors for count in own) / max(1, sum(count.units for count in own))


def difference(counts: Sequence[Count], reference: Sequence[Count], group: Group) -> Difference:
    """The rate of `counts` less that of `reference`. Recordings are drawn again with replacement, with both
    of their results."""
    units = np.array([counts[i].units for i in group.indices], float)
    more = np.array([counts[i].errors - reference[i].errors for i in group.indices], float)
    drawn = np.random.default_rng(0).integers(len(units), size=(_SAMPLES, len(units)))
    samples = 100 * more[drawn].sum(1) / units[drawn].sum(1)
    low, high = np.percentile(samples, [2.5, 97.5])
    return Difference(float(100 * more.sum() / units.sum()), float(low), float(high))


def groups(recordings: Sequence[Recording]) -> list[Group]:
    """All recordings of a kind; those counted in words and in characters; each length, language and set."""
    found: list[Group] = []
    for kind in dict.fromkeys(recording.kind for recording in recordings):
        add = _adder(found, recordings, kind)
        add("all", lambda recording: True)
        add("words", lambda recording: recording.language not in CHARACTERS)
        add("characters", lambda recording: recording.language in CHARACTERS)
        for length in ("under 2.5 s", "2.5–4 s", "4–6 s", "over 6 s"):
            add(length, lambda recording, own=length: recording.kind != "long" and recording.length == own)
        for language in sorted({recording.language for recording in recordings}):
            add(language, lambda recording, own=language: recording.language == own)
        for name in sorted({recording.group for recording in recordings}):
            add(
                f"set {name}",
                lambda recording, own=name: recording.kind == "clips" and recording.group == own,
            )
    return found


def _adder(
    found: list[Group], recordings: Sequence[Recording], kind: str
) -> Callable[[str, Callable[[Recording], bool]], None]:
    def add(name: str, belongs: Callable[[Recording], bool]) -> None:
        indices = [i for i, recording in enumerate(recordings) if recording.kind == kind]
        own = tuple(i for i in indices if belongs(recordings[i]))
        if own:
            found.append(Group(kind, name, own))

    return add
