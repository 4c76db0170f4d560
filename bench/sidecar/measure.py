"""Measures time, word error rate, CPU seconds and memory of the subjects, in alternating order."""

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from .process import cpu_seconds, forget_peak, peak_mb

Work = Callable[[], list[str]]


@dataclass(frozen=True)
class Measured:
    """`seconds`: wall clock. `cpu` and `peak` (MiB): of the process that did the work, None if unknown."""

    seconds: float
    texts: list[str]
    cpu: float | None
    peak: float | None


@dataclass(frozen=True)
class Subject:
    """`once`: measured only in the first round, because it is slow and not the baseline."""

    name: str
    pid: int
    work: Work
    once: bool = False


@dataclass
class Row:
    """A subject's runs. `texts`: of the last run. `errors`: its word error rate in per cent."""

    scenario: str
    audio: str
    subject: str
    audio_seconds: float
    seconds: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    baseline: str = ""
    errors: float | None = None
    cpu: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def add(self, measured: Measured) -> None:
        self.seconds.append(measured.seconds)
        self.texts = measured.texts
        if measured.cpu is not None:
            self.cpu.append(measured.cpu)
        if measured.peak is not None:
            self.peak.append(measured.peak)


def measured(pid: int, work: Work) -> Measured:
    forget_peak(pid)
    before = cpu_seconds(pid)
    started = time.perf_counter()
    texts = work()
    seconds = time.perf_counter() - started
    after = cpu_seconds(pid)
    cpu = after - before if before is not None and after is not None else None
    return Measured(seconds, texts, cpu, peak_mb(pid))


def by_turns(
    subjects: list[Subject],
    *,
    runs: int,
    baselines: list[str],
    row: Callable[[str], Row],
    references: list[str],
) -> list[Row]:
    """Measures every subject once per round, each round starting with another one. A ratio refers to the
    baseline of its own round.

    The fastest of `baselines` in the first round is the baseline. The others are not run again.
    """
    rows = {subject.name: row(subject.name) for subject in subjects}
    rounds: list[dict[str, float]] = []
    for number in range(runs):
        if number == 1:
            dropped = set(baselines) - {_fastest(rounds[0], baselines)}
            subjects = [subject for subject in subjects if not subject.once and subject.name not in dropped]
        shift = number % len(subjects)
        seconds_by_subject = {}
        for subject in subjects[shift:] + subjects[:shift]:
            result = measured(subject.pid, subject.work)
            rows[subject.name].add(result)
            seconds_by_subject[subject.name] = result.seconds
            say(f"{rows[subject.name].scenario}, {subject.name}, run {number + 1}: {result.seconds:.2f} s")
        rounds.append(seconds_by_subject)
    add_ratios(rows, rounds, _fastest(rounds[0], baselines))
    for measured_row in rows.values():
        measured_row.errors = word_errors(references, measured_row.texts)
    return list(rows.values())


def add_ratios(rows: Mapping[str, Row], rounds: list[dict[str, float]], baseline: str) -> None:
    for name, row in rows.items():
        row.baseline = baseline
        row.ratios = [
            seconds_by_subject[name] / seconds_by_subject[baseline]
            for seconds_by_subject in rounds
            if name in seconds_by_subject
        ]


def _fastest(seconds_by_subject: Mapping[str, float], names: list[str]) -> str:
    return min(names, key=lambda name: seconds_by_subject[name])


@cache
def _normaliser() -> Callable[[str], str]:
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer()


def word_errors(references: list[str], texts: list[str]) -> float:
    """The word error rate in per cent over all texts, with Whisper's English normaliser."""
    import jiwer

    normalise = _normaliser()
    return 100 * jiwer.wer([normalise(text) for text in references], [normalise(text) for text in texts])


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
