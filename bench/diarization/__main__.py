"""python -m bench.diarization --data DIR [--span SECONDS] [--only CORPUS …] [--exactly] [--no-words]

Sends each recording to a sidecar in spans, as the service does, merges their voices, and scores the speakers.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy as np

from ..sidecar.server import Server
from .corpora import RATE, Recording, Reference, ami, broadcast, falcon, pyannote_sample, simulated
from .merge import SpanVoice, merge
from .recordings import wav
from .score import Score, score

CONTEXT = 5.0

_HEADER = """\
| recording | s | speakers | found | DER % | missed | false alarm | confused | words right | × real time |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


def main() -> int:
    options = _options()
    recordings = [r for r in _recordings(options.data) if not options.only or r.corpus in options.only]
    print(_HEADER, flush=True)
    with Server({"DIARIZATION": "on", "MAX_CONCURRENT_REQUESTS": "8"}) as server:
        url = f"http://127.0.0.1:{server.port}"
        for corpus, members in groupby(recordings, key=lambda recording: recording.corpus):
            results = []
            for recording in members:
                results.append(_measured(url, recording, options))
                print(_row(f"{corpus} {recording.name}", results[-1]), flush=True)
            if len(results) > 1:
                exact = sum(result.found == result.speakers for result in results)
                total = sum(results[1:], results[0])
                print(_row(f"**{corpus}**", total, found=f"{exact} of {len(results)} exact"), flush=True)
    return 0


@dataclass(frozen=True)
class Result:
    """`seconds`: of audio. `took`: seconds that the sidecar took."""

    seconds: float
    took: float
    speakers: int
    found: int
    score: Score

    def __add__(self, other: "Result") -> "Result":
        return Result(
            self.seconds + other.seconds,
            self.took + other.took,
            self.speakers + other.speakers,
            self.found + other.found,
            self.score + other.score,
        )


def _measured(url: str, recording: Recording, options: argparse.Namespace) -> Result:
    started = time.perf_counter()
    speakers = _count(recording.turns)
    found, words = _diarize(url, recording, options, speakers if options.exactly else None)
    took = time.perf_counter() - started
    return Result(
        recording.seconds,
        took,
        speakers,
        _count(found),
        score(recording.turns, found, words, recording.seconds),
    )


def _count(turns: Sequence[Reference]) -> int:
    return len({turn.speaker for turn in turns})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.diarization")
    parser.add_argument("--data", type=Path, required=True, help="folder of the checkouts")
    parser.add_argument("--span", type=float, default=120.0, help="seconds")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--exactly", action="store_true", help="state the number of speakers")
    parser.add_argument("--no-words", action="store_true", help="do not transcribe")
    return parser.parse_args()


def _recordings(data: Path) -> Iterator[Recording]:
    yield from pyannote_sample(data / "pyannote-audio")
    yield from falcon(data / "falcon")
    yield from broadcast(data / "pyAudioAnalysis")
    yield from ami(data / "pyannote-audio")
    yield from simulated(data / "Resemblyzer")
    yield from simulated(data / "Resemblyzer", held_out=True)


def _diarize(
    url: str, recording: Recording, options: argparse.Namespace, exactly: int | None
) -> tuple[list[Reference], list[tuple[float, float]]]:
    voices: list[SpanVoice] = []
    turns: list[tuple[int, float, float]] = []
    words: list[tuple[float, float]] = []
    count = max(1, round(recording.seconds / options.span))
    edges = np.linspace(0, recording.seconds, count + 1)
    for number, (start, end) in enumerate(pairwise(edges)):
        answer = _ask(url, recording, float(start), float(end), words=not options.no_words)
        diarization = answer["diarization"]
        first = len(voices)
        voices += [
            SpanVoice(number, voice["seconds"], np.array(voice["embedding"]))
            for voice in diarization["voices"]
        ]
        turns += [
            (first + turn["voice"], turn["start"] + start, turn["end"] + start)
            for turn in diarization["turns"]
        ]
        words += [
            (word["start"] + start, word["end"] + start)
            for segment in answer["segments"]
            for word in segment["words"]
        ]
    speakers = merge(voices, at_least=exactly or 1, at_most=exactly)
    return [Reference(start, end, str(speakers[voice])) for voice, start, end in turns], words


def _ask(url: str, recording: Recording, start: float, end: float, *, words: bool) -> dict[str, Any]:
    before, after = min(CONTEXT, start), min(CONTEXT, recording.seconds - end)
    samples = recording.signal[int((start - before) * RATE) : int((end + after) * RATE)]
    query: dict[str, object] = {
        "language": "en",
        "details": "true",
        "words": "true",
        "speakers": "true",
        "beam_size": 1,
        "task": "transcribe" if words else "diarize",
    }
    query |= {"context_before": before, "context_after": after}
    request = Request(f"{url}/?{urlencode(query)}", wav(samples), {"content-type": "audio/wav"})
    with urlopen(request, timeout=3600) as response:
        answer: dict[str, Any] = json.load(response)
    if answer["diarization"] is None:
        raise SystemExit(answer["diarization_error"])
    return answer


def _row(name: str, result: Result, found: str | None = None) -> str:
    one = result.score
    errors = (one.missed + one.false_alarm + one.confused, one.missed, one.false_alarm, one.confused)
    cells = [
        name,
        f"{result.seconds:.0f}",
        f"{result.speakers}",
        found or f"{result.found}",
        *(f"{100 * part / one.speech:.1f}" for part in errors),
        f"{one.right_words} of {one.words} ({one.right_words / max(1, one.words):.1%})",
        f"{result.seconds / result.took:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
