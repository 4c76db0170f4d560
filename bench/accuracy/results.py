"""What a subject heard in a recording, kept on disk so that no comparison repeats a run."""

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..sidecar.measure import say
from .material import Recording, write
from .subjects import Subject


@dataclass(frozen=True)
class Result:
    """`cpu`: processor seconds of the whole process. Recordings that ran together share theirs by length."""

    recording: str
    text: str
    cpu: float


class Cache:
    """One JSON file for each subject's version and recording. fresh: replace existing results."""

    def __init__(self, folder: Path, *, fresh: bool):
        self._folder = folder
        self._fresh = fresh

    def results(self, subject: Subject, recordings: Sequence[Recording]) -> list[Result]:
        """In the recordings' order."""
        folder = self._folder / f"{subject.name}-{subject.version}"
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"{recording.digest}.json" for recording in recordings]
        missing = [i for i, file in enumerate(files) if self._fresh or not file.is_file()]
        for together in _runs(recordings, missing, subject.at_once):
            run = run_together(subject, [recordings[i] for i in together])
            for i, result in zip(together, run, strict=True):
                files[i].write_text(json.dumps(asdict(result), ensure_ascii=False) + "\n")
            seconds = sum(result.cpu for result in run)
            say(
                f"{subject.name}: {recordings[together[0]].name} and {len(run) - 1} more, {seconds:.1f} CPU s"
            )
        return [Result(**json.loads(file.read_text())) for file in files]


def run_together(subject: Subject, recordings: Sequence[Recording]) -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="bench-accuracy-") as work:
        files = [(write(recording, Path(work)), recording.language) for recording in recordings]
        started = time.process_time()
        texts = subject.transcribe(files)
        cpu = time.process_time() - started
    seconds = sum(recording.seconds for recording in recordings)
    return [
        Result(recording.name, text, cpu * recording.seconds / seconds)
        for recording, text in zip(recordings, texts, strict=True)
    ]


def _runs(recordings: Sequence[Recording], indices: Sequence[int], at_once: int) -> Iterator[list[int]]:
    """Long files alone, others by `at_once`."""
    held: list[int] = []
    for i in indices:
        if recordings[i].kind == "long":
            yield [i]
            continue
        held.append(i)
        if len(held) == at_once:
            yield held
            held = []
    if held:
        yield held
