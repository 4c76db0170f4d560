"""`python -m bench.accuracy.detection --manifest FILE`: how often the language of a clip is detected.

Each clip is sent with the language `auto`, once alone and once with four candidates: its own language and the
most frequent others of the manifest. Decoding is greedy, which does not matter here.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from ..sidecar.__main__ import OUT, default_model
from . import material
from .material import Recording, write
from .subjects import LONGEST, Transcriber, open_transcriber, parse

_AT_ONCE = 12
_CANDIDATES = 4
_SURE = 0.9


@dataclass(frozen=True)
class Detected:
    """`language`: of the text. `spoken` and `probability`: as the sidecar reports them."""

    language: str | None
    spoken: str | None
    probability: float


def detect(
    transcriber: Transcriber, folder: Path, candidates: Sequence[str], recording: Recording
) -> Detected:
    languages = [recording.language, *(code for code in candidates if code != recording.language)]
    fields = {"beam_size": 1, "languages": languages[:_CANDIDATES] if candidates else []}
    with write(recording, folder).open("rb") as file:
        transcript = transcriber.transcribe(
            file,
            parse(fields),
            cancelled=lambda: False,
            on_segments=lambda segments: None,
            longest=LONGEST,
        )
    spoken = transcript.spoken
    return Detected(transcript.language, spoken and spoken.code, spoken.probability if spoken else 0.0)


def row(name: str, pairs: Sequence[tuple[Recording, Detected, Detected]]) -> str:
    right = [(free.language == clip.language, free.probability) for clip, free, _ in pairs]
    sure = [is_right for is_right, probability in right if probability >= _SURE]
    among = sum(limited.language == clip.language for clip, _, limited in pairs)
    cells = [
        name,
        str(len(pairs)),
        _share(sum(is_right for is_right, _ in right), len(right)),
        _share(sum(sure), len(sure)),
        str(len(sure)),
        _share(among, len(pairs)),
    ]
    return f"| {' | '.join(cells)} |"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy.detection")
    parser.add_argument("--manifest", type=Path, required=True, metavar="FILE")
    parser.add_argument("--model", type=Path, metavar="DIR")
    options = parser.parse_args()
    clips = material.clips(options.manifest)
    candidates = [code for code, _ in Counter(clip.language for clip in clips).most_common(_CANDIDATES)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-accuracy-")))
        model = (options.model or default_model(OUT / "model")).resolve()
        transcriber = open_transcriber(model, stack)
        pool = stack.enter_context(ThreadPoolExecutor(_AT_ONCE))
        free = list(pool.map(partial(detect, transcriber, folder, []), clips))
        limited = list(pool.map(partial(detect, transcriber, folder, candidates), clips))
    pairs = list(zip(clips, free, limited, strict=True))
    print("| clips | number | right | right at a probability of 0.9 | of these | right of 4 candidates |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for length in dict.fromkeys(clip.length for clip in sorted(clips, key=lambda clip: clip.seconds)):
        print(row(length, [pair for pair in pairs if pair[0].length == length]))
    for language in sorted({clip.language for clip in clips}):
        print(row(language, [pair for pair in pairs if pair[0].language == language]))
    print(row("all", pairs))
    allowed = [{clip.language, *candidates} for clip in clips]
    left = [
        clip.name
        for clip, codes, found in zip(clips, allowed, limited, strict=True)
        if found.language not in codes | {None} or found.spoken not in codes | {None}
    ]
    print(f"\nOutside the candidates: {', '.join(left) or 'none'}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
