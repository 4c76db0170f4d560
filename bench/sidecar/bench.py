"""What every scenario needs: audio on disk, faster-whisper, the server under test, and the number of runs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .baseline import Baseline
from .corpora import Corpus, Speakers
from .measure import Row, Subject, Work
from .process import cores
from .server import Server
from .speech import Speech

Result = tuple[list[Row], list[str]]


@dataclass(frozen=True)
class Long:
    """A corpus as one file."""

    corpus: Corpus
    path: Path

    @property
    def references(self) -> list[str]:
        return [self.corpus.speech.text]

    def row(self, scenario: str) -> Callable[[str], Row]:
        return lambda subject: Row(scenario, self.corpus.name, subject, self.corpus.speech.seconds)


@dataclass(frozen=True)
class Clips:
    speeches: list[Speech]
    paths: list[Path]
    made_of: str

    @property
    def references(self) -> list[str]:
        return [speech.text for speech in self.speeches]

    @property
    def seconds(self) -> float:
        return sum(speech.seconds for speech in self.speeches)

    def row(self, scenario: str) -> Callable[[str], Row]:
        return lambda subject: Row(scenario, f"clips ({self.made_of})", subject, self.seconds)


class Bench:
    """`seconds`: of audio in a long file. Everything started ends when `stack` is closed."""

    def __init__(
        self,
        *,
        stack: ExitStack,
        model: Path,
        device: str,
        speakers: Speakers,
        work: Path,
        runs: int,
        seconds: float,
        quick: bool,
        quality: str,
        baseline_environment: dict[str, str],
    ):
        self.stack, self.model, self.device, self.speakers, self.work = stack, model, device, speakers, work
        self.runs, self.seconds, self.quick, self.quality = runs, seconds, quick, quality
        self.baseline_environment = baseline_environment
        self.compute_type = "float16" if device == "cuda" else "int8"

    @cached_property
    def baseline(self) -> Baseline:
        started = self.stack.enter_context(
            Baseline(
                self.model,
                device=self.device,
                compute_type=self.compute_type,
                threads=cores(),
                environment=self.baseline_environment,
            )
        )
        started.sequential(self.lone.paths[0])
        return started

    @cached_property
    def server(self) -> Server:
        """A server with default settings."""
        return self.stack.enter_context(self.serving({}))

    @contextmanager
    def serving(self, environment: dict[str, str], *, module: str = "sidecar") -> Iterator[Server]:
        own = {"MODEL": str(self.model), "DEVICE": self.device, "COMPUTE_TYPE": self.compute_type}
        with Server({**own, **environment}, module=module, quality=self.quality) as server:
            server.transcribe(self.lone.paths[0])
            yield server

    @property
    def beside_seconds(self) -> float:
        """Long enough to send a few clips meanwhile."""
        return max(self.seconds, 90)

    def a(self, seconds: float) -> Long:
        return self._long(self.speakers.a(seconds), f"a-{seconds:.0f}.wav")

    def b(self, seconds: float) -> Long:
        return self._long(self.speakers.b(seconds), f"b-{seconds:.0f}.wav")

    @cached_property
    def clips(self) -> Clips:
        speeches, made_of = self.speakers.clips(6 if self.quick else 64)
        paths = [speech.write(self.work / f"clip-{number}.wav") for number, speech in enumerate(speeches)]
        return Clips(speeches, paths, made_of)

    @cached_property
    def lone(self) -> Clips:
        """One clip of about 3 s."""
        speech = self.speakers.lone()
        return Clips([speech], [speech.write(self.work / "lone.wav")], f"one, {speech.seconds:.1f} s")

    def ours(self, name: str, work: Work) -> Subject:
        return Subject(f"ours{name}", self.server.pid, work)

    def theirs(self, name: str, work: Work, *, once: bool = False) -> Subject:
        return Subject(f"faster-whisper{name}", self.baseline.pid, work, once)

    def _long(self, corpus: Corpus, name: str) -> Long:
        return Long(corpus, corpus.speech.write(self.work / name))
