"""`python -m bench.accuracy --manifest FILE [--long] [--noise] [--subjects NAME …]`

README.md beside this file explains the tables.
"""

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from ..sidecar.__main__ import OUT, default_model, processor
from . import material
from .errors import count
from .report import Heard, cpu_table, error_table, missed_targets
from .results import Cache
from .subjects import subjects

NAMES = ("balanced", "full", "fast", "best", "faster-whisper", "faster-whisper-batched")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.accuracy", description="The sidecar's error rates, beside those of others."
    )
    parser.add_argument(
        "--manifest", type=Path, required=True, metavar="FILE", help="the manifest.json of a folder of clips"
    )
    parser.add_argument(
        "--subjects",
        nargs="+",
        choices=NAMES,
        default=NAMES[:3],
        metavar="NAME",
        help=f"the first is judged by the others ({' '.join(NAMES[:3])}); {', '.join(NAMES)}",
    )
    parser.add_argument("--long", action="store_true", help="also the clips joined to files of minutes")
    parser.add_argument(
        "--noise",
        nargs="?",
        type=Path,
        const=Path(),
        metavar="FILE",
        help="also every fifth clip in the noise of a recording, or in pink noise",
    )
    parser.add_argument("--decibels", type=float, default=5, help="the speech above the noise (5)")
    parser.add_argument("--no-clips", action="store_true", help="without the single clips")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="the N texts that differ the most")
    parser.add_argument("--model", type=Path, metavar="DIR", help="CTranslate2 weights (default: downloaded)")
    parser.add_argument(
        "--cache",
        type=Path,
        default=OUT / "accuracy",
        metavar="DIR",
        help="folder of the results (bench/out/accuracy)",
    )
    parser.add_argument("--fresh", action="store_true", help="run again what is in the folder of results")
    return parser.parse_args()


def recordings(options: argparse.Namespace) -> list[material.Recording]:
    clips = material.clips(options.manifest)
    chosen = [] if options.no_clips else list(clips)
    if options.long:
        chosen += material.long_files(clips)
    if options.noise is not None:
        noise = options.noise if options.noise.is_file() else None
        chosen += material.noisy(clips, options.decibels, noise)
    return chosen


def main() -> int:
    options = arguments()
    chosen = recordings(options)
    model = (options.model or default_model(OUT / "model")).resolve()
    cache = Cache(options.cache, fresh=options.fresh)
    heard: dict[str, Heard] = {}
    with ExitStack() as stack:
        available = subjects(model, stack)
        for name in options.subjects:
            subject = available[name]()
            results = cache.results(subject, chosen)
            counts = [
                count(recording.text, result.text, recording.language)
                for recording, result in zip(chosen, results, strict=True)
            ]
            heard[f"{name}"] = Heard(results, counts)
            print(f"- {name}: version {subject.version}")
    print(f"- {processor()}, load {os.getloadavg()[0]:.1f}\n")
    print(error_table(chosen, heard), cpu_table(chosen, heard), sep="\n\n")
    show(chosen, heard, options.show)
    missed = missed_targets(chosen, heard)
    print("\nTargets: " + ("met" if not missed else "\n".join(["missed", *(f"- {line}" for line in missed)])))
    return 1 if missed else 0


def show(chosen: list[material.Recording], heard: dict[str, Heard], number: int) -> None:
    """Prints the texts in which the first two subjects differ the most."""
    if number == 0 or len(heard) < 2:
        return
    (first, own), (second, other) = list(heard.items())[:2]
    more = [a.errors - b.errors for a, b in zip(own.counts, other.counts, strict=True)]
    for i in sorted(range(len(chosen)), key=lambda i: -abs(more[i]))[:number]:
        print(f"\n{chosen[i].name}, {more[i]:+d} errors of {own.counts[i].units}")
        print(
            f"  said: {chosen[i].text}\n  {first}: {own.results[i].text}\n  {second}: {other.results[i].text}"
        )


if __name__ == "__main__":
    sys.exit(main())
