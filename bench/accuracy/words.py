"""`python -m bench.accuracy.words --references FILE`: how exact the times of words are.

FILE is a JSON list of `{"file", "language", "set", "words": [[text, start, end], …]}`, in seconds.
"""

import argparse
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..sidecar.__main__ import OUT, default_model
from .errors import normalised
from .subjects import LONGEST, Transcriber, open_transcriber, parse

_AT_ONCE = 12


@dataclass(frozen=True)
class Timed:
    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Reference:
    """A recording whose words were timed by hand, by aligning its phones, or by synthesis."""

    path: Path
    language: str
    group: str
    words: tuple[Timed, ...]


def references(file: Path) -> list[Reference]:
    return [
        Reference(
            file.parent / entry["file"],
            entry["language"],
            entry["set"],
            tuple(Timed(*word) for word in entry["words"]),
        )
        for entry in json.loads(file.read_text())
    ]


def timed(
    transcriber: Transcriber, pool: ThreadPoolExecutor, known: Sequence[Reference], *, words: bool
) -> tuple[list[list[Timed]], float]:
    """The words of each recording, and the processor seconds of all."""
    started = time.process_time()
    found = list(pool.map(partial(recognized, transcriber, words=words), known))
    return found, time.process_time() - started


def recognized(transcriber: Transcriber, reference: Reference, *, words: bool) -> list[Timed]:
    with reference.path.open("rb") as file:
        transcript = transcriber.transcribe(
            file,
            parse({"language": reference.language, "words": words}),
            cancelled=lambda: False,
            on_segments=lambda segments: None,
            longest=LONGEST,
        )
    return [
        Timed(word.word, word.start, word.end)
        for segment in transcript.segments
        for word in segment.words or ()
    ]


def pairs(reference: Reference, found: Sequence[Timed]) -> Iterator[tuple[Timed, Timed]]:
    """The words that were recognized, each beside its reference. A word of which no neighbour was recognized
    is left out, since it can be another of the same text."""
    expected = [_plain(word.text, reference.language) for word in reference.words]
    heard = [_plain(word.text, reference.language) for word in found]
    for block in SequenceMatcher(None, expected, heard, autojunk=False).get_matching_blocks():
        for i in range(block.size if block.size > 1 else 0):
            yield reference.words[block.a + i], found[block.b + i]


def _plain(text: str, language: str) -> str:
    return re.sub(r"\W", "", normalised(text, "xx") if language == "en" else normalised(text, language))


def row(name: str, matched: Sequence[tuple[Timed, Timed]], expected: int) -> str:
    cells = [name, str(expected), str(len(matched))]
    for side in ("start", "end"):
        off = np.array([getattr(word, side) - getattr(reference, side) for reference, word in matched])
        cells += [f"{1000 * value:.0f}" for value in (*np.percentile(np.abs(off), (50, 90)), np.median(off))]
    return f"| {' | '.join(cells)} |"


def overlaps(words: Sequence[Timed]) -> int:
    return sum(after.start < before.end for before, after in pairwise(words))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy.words")
    parser.add_argument("--references", type=Path, required=True, metavar="FILE")
    parser.add_argument("--model", type=Path, metavar="DIR")
    options = parser.parse_args()
    known = references(options.references)
    with ExitStack() as stack:
        model = (options.model or default_model(OUT / "model")).resolve()
        transcriber = open_transcriber(model, stack)
        pool = stack.enter_context(ThreadPoolExecutor(_AT_ONCE))
        _, without = timed(transcriber, pool, known, words=False)
        found, cpu = timed(transcriber, pool, known, words=True)
    matched = {name: [] for name in _groups(known)}
    expected: dict[str, int] = defaultdict(int)
    for reference, words in zip(known, found, strict=True):
        own = list(pairs(reference, words))
        for name in _names(reference):
            matched[name] += own
            expected[name] += len(reference.words)
    print("| recordings | words | found | start: median | 90 % | bias | end: median | 90 % | bias |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, own in matched.items():
        if own:
            print(row(name, own, expected[name]))
    print(f"\nWords that overlap their neighbour: {sum(map(overlaps, found))}")
    print(f"Processor time with words: {cpu / without:.2f} of that without ({without:.0f} s)")
    return 0


def _groups(known: Sequence[Reference]) -> list[str]:
    return sorted({name for reference in known for name in _names(reference)})


def _names(reference: Reference) -> tuple[str, ...]:
    return ("all", reference.language, f"{reference.language}, {reference.group}")


if __name__ == "__main__":
    sys.exit(main())
