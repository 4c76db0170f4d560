"""The tables, and whether the first subject meets the targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .compare import Difference, Group, difference, groups, rate
from .errors import Count
from .material import Recording
from .results import Result

FULL = "full"
FAST = "fast"
_MAX_ABOVE_FULL = 0.2
_MAX_ABOVE_FULL_IN_A_GROUP = 1.0
_MAX_CPU = 1.5


@dataclass(frozen=True)
class Heard:
    """One subject's results and their errors, in the recordings' order."""

    results: Sequence[Result]
    counts: Sequence[Count]


def error_table(recordings: Sequence[Recording], heard: Mapping[str, Heard]) -> str:
    first, *references = heard
    head = ["recordings", "number", "units", f"{first} %"]
    head += [text for name in references for text in (f"{name} %", f"difference to {name} [95 %]")]
    lines = [_row(head), _row(["---", *["---:"] * (len(head) - 1)])]
    for group in groups(recordings):
        own = heard[first].counts
        cells = [
            f"{group.kind}, {group.name}",
            str(len(group.indices)),
            str(sum(own[i].units for i in group.indices)),
            f"{rate(own, group):.1f}",
        ]
        for name in references:
            counts = heard[name].counts
            cells += [f"{rate(counts, group):.1f}", _interval(difference(own, counts, group), group)]
        lines.append(_row(cells))
    return "\n".join(lines)


def cpu_table(recordings: Sequence[Recording], heard: Mapping[str, Heard]) -> str:
    kinds = list(dict.fromkeys(recording.kind for recording in recordings))
    lines = [_row(["", *(f"{kind}, CPU s" for kind in kinds), *(f"{kind}, ratio" for kind in kinds)])]
    lines.append(_row(["---", *["---:"] * (2 * len(kinds))]))
    first = next(iter(heard))
    for name in heard:
        seconds = [cpu(recordings, heard[name], kind) for kind in kinds]
        ratios = [own / cpu(recordings, heard[first], kind) for own, kind in zip(seconds, kinds, strict=True)]
        lines.append(_row([name, *(f"{own:.1f}" for own in seconds), *(f"{own:.2f}" for own in ratios)]))
    return "\n".join(lines)


def cpu(recordings: Sequence[Recording], heard: Heard, kind: str) -> float:
    pairs = zip(recordings, heard.results, strict=True)
    return sum(result.cpu for recording, result in pairs if recording.kind == kind)


def missed_targets(recordings: Sequence[Recording], heard: Mapping[str, Heard]) -> list[str]:
    """A sentence for each target that the first subject misses. Only the references that were run count."""
    first, *references = heard
    own = heard[first]
    missed: list[str] = []
    for group in groups(recordings):
        if FULL in references and (allowed := _allowed(group)) is not None:
            points = difference(own.counts, heard[FULL].counts, group).points
            if points > allowed:
                missed.append(f"{group.kind}, {group.name}: {points:+.2f} points to {FULL}, over {allowed}")
        if (group.kind, group.name) == ("long", "all"):
            for name in references:
                if name.startswith("faster-whisper") and rate(own.counts, group) >= rate(
                    heard[name].counts, group
                ):
                    missed.append(f"long files: not better than {name}")
    if FAST in references:
        for kind in dict.fromkeys(recording.kind for recording in recordings):
            ratio = cpu(recordings, own, kind) / cpu(recordings, heard[FAST], kind)
            if ratio > _MAX_CPU:
                missed.append(f"{kind}: {ratio:.2f} times the CPU seconds of {FAST}, over {_MAX_CPU}")
    return missed


def _allowed(group: Group) -> float | None:
    """Points above full padding; None if the group is too small to judge or is a set."""
    if group.name == "all":
        return _MAX_ABOVE_FULL
    if group.name.startswith("set ") or not group.large:
        return None
    return _MAX_ABOVE_FULL_IN_A_GROUP


def _interval(own: Difference, group: Group) -> str:
    if len(group.indices) == 1:
        return f"{own.points:+.2f}"
    return f"{own.points:+.2f} [{own.low:+.2f}, {own.high:+.2f}]"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
