"""`python -m bench.accuracy.verification --manifest FILE --first DIR --second DIR`: what it brings to decode
doubtful text again with a larger model, by the limit of doubt.

A recording of one or few windows is taken as a whole: it is decoded again if the mean log-probability of any
of its segments is below the limit. English recordings only, alone and in noise, so that `--first` may be an
English model.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from . import errors, material
from .material import Recording, write
from .subjects import LONGEST, Transcriber, open_transcriber, parse

_LIMITS = (-0.3, -0.4, -0.5, -0.6, -0.7, -0.8, -1.0)


@dataclass(frozen=True)
class Heard:
    """`logprob`: the lowest of the segments; 0 without any. `cost`: CPU seconds."""

    count: errors.Count
    logprob: float
    cost: float


def hear(transcriber: Transcriber, recording: Recording, folder: Path) -> Heard:
    started = process_time()
    with write(recording, folder).open("rb") as file:
        transcript = transcriber.transcribe(
            file,
            parse({"language": recording.language}),
            cancelled=lambda: False,
            on_segments=lambda segments: None,
            longest=LONGEST,
        )
    logprob = min((segment.avg_logprob for segment in transcript.segments), default=0.0)
    count = errors.count(recording.text, transcript.text, recording.language)
    return Heard(count, logprob, process_time() - started)


def row(name: str, pairs: Sequence[tuple[Recording, Heard, Heard]], limit: float) -> str:
    """`limit`: below it, the second model's text counts."""
    again = [pair for pair in pairs if pair[1].logprob < limit]
    chosen = [second if first.logprob < limit else first for _, first, second in pairs]
    seconds = sum(recording.seconds for recording, _, _ in pairs)
    share = sum(recording.seconds for recording, _, _ in again) / seconds
    wrong = sum(heard.count.errors for heard in chosen)
    units = sum(heard.count.units for heard in chosen)
    cost = sum(first.cost for _, first, _ in pairs) + sum(second.cost for _, _, second in again)
    return f"| {name} | {share:.0%} | {100 * wrong / units:.1f} | {cost:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy.verification", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--first", type=Path, required=True, help="directory of the smaller model")
    parser.add_argument("--second", type=Path, required=True, help="directory of the larger model")
    options = parser.parse_args()
    clips = [clip for clip in material.clips(options.manifest) if clip.language == "en"]
    if not clips:
        sys.exit("the manifest has no English recording")
    recordings = [*clips, *material.noisy(clips, 10, None)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-verification-")))
        first, second = (open_transcriber(model, stack) for model in (options.first, options.second))
        pairs = [
            (recording, hear(first, recording, folder), hear(second, recording, folder))
            for recording in recordings
        ]
    print("| decoded again | of the audio | errors, % | CPU s |")
    print("| --- | --- | --- | --- |")
    print(row("nothing", pairs, float("-inf")))
    for limit in _LIMITS:
        print(row(f"below {limit}", pairs, limit))
    print(row("everything", pairs, float("inf")))


if __name__ == "__main__":
    main()
