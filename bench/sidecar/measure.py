"""Time, word error rate, CPU seconds and memory of what is compared, taken by turns."""

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
    """`seconds` of wall clock; `cpu` and `peak` (MiB) of the process that did the work, None where unknown."""

    seconds: float
    texts: list[str]
    cpu: float | None
    peak: float | None


@dataclass(frozen=True)
class Subject:
    """`once`: measured in the first round alone, for what is slow and only there to be seen beside the rest."""

    name: str
    pid: int
    work: Work
    once: bool = False


@dataclass
class Row:
    """A subject's runs. `texts` are the last run's, `errors` its words wrong in a hundred."""

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
    subjects: list[Subject], *, runs: int, baselines: list[str], row: Callable[[str], Row], references: list[str]
) -> list[Row]:
    """Every subject once a round, another one first each time; a ratio is to the baseline of its own round.

    Of several `baselines` the one that is fastest in the first round is the baseline, and the others are not run again.
    """
    rows = {subject.name: row(subject.name) for subject in subjects}
    rounds: list[dict[str, float]] = []
    for number in range(runs):
        if number == 1:
            dropped = set(baselines) - {_fastest(rounds[0], baselines)}
            subjects = [one for one in subjects if not one.once and one.name not in dropped]
        shift = number % len(subjects)
        taken = {}
        for subject in subjects[shift:] + subjects[:shift]:
            result = measured(subject.pid, subject.work)
            rows[subject.name].add(result)
            taken[subject.name] = result.seconds
            say(f"{rows[subject.name].scenario}, {subject.name}, run {number + 1}: {result.seconds:.2f} s")
        rounds.append(taken)
    add_ratios(rows, rounds, _fastest(rounds[0], baselines))
    for one in rows.values():
        one.errors = word_errors(references, one.texts)
    return list(rows.values())


def add_ratios(rows: Mapping[str, Row], rounds: list[dict[str, float]], baseline: str) -> None:
    for name, row in rows.items():
        row.baseline = baseline
        row.ratios = [taken[name] / taken[baseline] for taken in rounds if name in taken]


def _fastest(taken: Mapping[str, float], names: list[str]) -> str:
    return min(names, key=lambda name: taken[name])


@cache
def _normaliser() -> Callable[[str], str]:
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer()


def word_errors(references: list[str], texts: list[str]) -> float:
    """Per cent, by Whisper's English normaliser, over all of them together."""
    import jiwer

    normalise = _normaliser()
    return 100 * jiwer.wer([normalise(text) for text in references], [normalise(text) for text in texts])


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
