"""python -m bench.diarization --data DIR [--span SECONDS] [--only CORPUS …] [--exactly]

Sends each recording to a sidecar in spans, as the service does, merges their voices, and scores the speakers.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy as np

from ..sidecar.server import Server
from .corpora import RATE, Recording, Reference, ami, falcon, pyannote_sample, simulated
from .merge import SpanVoice, merge
from .recordings import wav
from .score import Score, score

CONTEXT = 10.0


def main() -> int:
    options = _options()
    recordings = [r for r in _recordings(options.data) if not options.only or r.corpus in options.only]
    results: dict[str, list[tuple[Recording, Score, int, float]]] = {}
    with Server({"DIARIZATION": "on", "MAX_CONCURRENT_REQUESTS": "8"}) as server:
        url = f"http://127.0.0.1:{server.port}"
        for recording in recordings:
            started = time.perf_counter()
            exactly = len({turn.speaker for turn in recording.turns}) if options.exactly else None
            found, words = _diarize(url, recording, options.span, exactly)
            took = time.perf_counter() - started
            one = score(recording.turns, found, words, recording.seconds)
            speakers = len({turn.speaker for turn in found})
            results.setdefault(recording.corpus, []).append((recording, one, speakers, took))
            print(
                f"{recording.corpus} {recording.name}: {one.error_rate:.1%}",
                file=sys.stderr,
                flush=True,
            )
    print(_table(results))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.diarization")
    parser.add_argument("--data", type=Path, required=True, help="folder of the checkouts")
    parser.add_argument("--span", type=float, default=300.0, help="seconds")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--exactly", action="store_true", help="state the number of speakers")
    return parser.parse_args()


def _recordings(data: Path) -> Iterator[Recording]:
    yield from pyannote_sample(data / "pyannote-audio")
    yield from falcon(data / "falcon")
    yield from ami(data / "pyannote-audio")
    yield from simulated(data / "Resemblyzer")
    yield from simulated(data / "Resemblyzer", held_out=True)


def _diarize(
    url: str, recording: Recording, span: float, exactly: int | None
) -> tuple[list[Reference], list[tuple[float, float]]]:
    voices: list[SpanVoice] = []
    turns: list[tuple[int, float, float]] = []
    words: list[tuple[float, float]] = []
    count = max(1, round(recording.seconds / span))
    edges = np.linspace(0, recording.seconds, count + 1)
    for number, (start, end) in enumerate(pairwise(edges)):
        answer = _ask(url, recording, float(start), float(end))
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


def _ask(url: str, recording: Recording, start: float, end: float) -> dict[str, Any]:
    before, after = min(CONTEXT, start), min(CONTEXT, recording.seconds - end)
    samples = recording.signal[int((start - before) * RATE) : int((end + after) * RATE)]
    query: dict[str, object] = {
        "language": "en",
        "details": "true",
        "words": "true",
        "speakers": "true",
    }
    query |= {"context_before": before, "context_after": after}
    request = Request(f"{url}/?{urlencode(query)}", wav(samples), {"content-type": "audio/wav"})
    with urlopen(request, timeout=3600) as response:
        answer: dict[str, Any] = json.load(response)
    if answer["diarization"] is None:
        raise SystemExit(answer["diarization_error"])
    return answer


def _table(results: dict[str, list[tuple[Recording, Score, int, float]]]) -> str:
    lines = [
        "| recording | s | speakers | found | DER % | missed | false alarm | confused "
        "| words right | × real time |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for corpus, rows in results.items():
        exact = 0
        for recording, one, found, took in rows:
            speakers = len({turn.speaker for turn in recording.turns})
            exact += found == speakers
            lines.append(
                _row(
                    f"{corpus} {recording.name}",
                    recording.seconds,
                    f"{speakers}",
                    f"{found}",
                    one,
                    took,
                )
            )
        total = sum((one for _, one, _, _ in rows), Score())
        seconds = sum(recording.seconds for recording, *_ in rows)
        took = sum(took for *_, took in rows)
        if len(rows) > 1:
            lines.append(
                _row(
                    f"**{corpus}**",
                    seconds,
                    "",
                    f"{exact} of {len(rows)} exact",
                    total,
                    took,
                )
            )
    return "\n".join(lines)


def _row(name: str, seconds: float, speakers: str, found: str, one: Score, took: float) -> str:
    parts = [f"{100 * part / one.speech:.1f}" for part in (one.missed, one.false_alarm, one.confused)]
    words = f"{one.right_words} of {one.words} ({one.right_words / max(1, one.words):.1%})"
    cells = [
        name,
        f"{seconds:.0f}",
        speakers,
        found,
        f"{100 * one.error_rate:.1f}",
        *parts,
        words,
    ]
    return f"| {' | '.join([*cells, f'{seconds / took:.0f}'])} |"


if __name__ == "__main__":
    sys.exit(main())
