"""The sidecar on each CPU back end of CTranslate2: `python -m bench.sidecar.backends --audio DIR`.

bench/README.md explains the results.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import cycle
from pathlib import Path

from .__main__ import OUT, default_model, processor
from .measure import say
from .process import cores, user_seconds
from .report import spread
from .server import Server
from .speech import Speech, decode, join

BACKENDS = {
    "as it comes": {},
    "MKL, AVX2": {"CT2_USE_MKL": "1", "CT2_FORCE_CPU_ISA": "AVX2"},
    "MKL, AVX512": {"CT2_USE_MKL": "1", "CT2_FORCE_CPU_ISA": "AVX512"},
    "MKL without AMX, AVX512": {
        "CT2_USE_MKL": "1",
        "CT2_FORCE_CPU_ISA": "AVX512",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512_E1",
    },
    "oneDNN, AVX2": {"CT2_USE_MKL": "0", "CT2_FORCE_CPU_ISA": "AVX2"},
    "oneDNN, AVX512": {"CT2_USE_MKL": "0", "CT2_FORCE_CPU_ISA": "AVX512"},
    "oneDNN without AMX, AVX512": {
        "CT2_USE_MKL": "0",
        "CT2_FORCE_CPU_ISA": "AVX512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI",
    },
    "MKL, AVX512, float32": {"CT2_USE_MKL": "1", "CT2_FORCE_CPU_ISA": "AVX512", "COMPUTE_TYPE": "float32"},
    "oneDNN, AVX512, float32": {"CT2_USE_MKL": "0", "CT2_FORCE_CPU_ISA": "AVX512", "COMPUTE_TYPE": "float32"},
}
UNSPACED = {"zh", "ja", "yue", "th", "lo", "my", "km"}
LONGEST = 30
PAUSE = 0.6


@dataclass(frozen=True)
class Recording:
    path: Path
    language: str
    speech: Speech


@dataclass
class Row:
    """`clips`, `long`: processor seconds of each round. The texts are those of the last round."""

    clips: list[float] = field(default_factory=list)
    long: list[float] = field(default_factory=list)
    clip_texts: list[str] = field(default_factory=list)
    long_text: str = ""


def recordings(folder: Path) -> list[Recording]:
    """The recordings of `folder`/manifest.json with one language and one text that fit into one window."""
    available = []
    for entry in json.loads((folder / "manifest.json").read_text()):
        if entry.get("text") and entry.get("language") and entry.get("seconds", LONGEST) < LONGEST:
            path = folder / entry["file"]
            available.append(Recording(path, entry["language"], Speech(decode(path), entry["text"])))
    return available


def short_recordings(available: Sequence[Recording], count: int) -> list[Recording]:
    """`count` recordings of 2 to 8 s, alternating between languages."""
    waiting: dict[str, list[Recording]] = defaultdict(list)
    for recording in available:
        if 2 <= recording.speech.seconds <= 8:
            waiting[recording.language].append(recording)
    chosen: list[Recording] = []
    for language in cycle(sorted(waiting)):
        if len(chosen) == count or not any(waiting.values()):
            return chosen
        if waiting[language]:
            chosen.append(waiting[language].pop(0))
    return chosen


def long_file(available: Sequence[Recording], seconds: float, path: Path) -> Recording:
    """English recordings one after another, repeated if there are too few."""
    parts: list[Speech] = []
    for recording in cycle([recording for recording in available if recording.language == "en"]):
        if sum(part.seconds + PAUSE for part in parts) >= seconds:
            break
        parts.append(recording.speech)
    speech = join(parts, pauses=[PAUSE] * len(parts))
    return Recording(speech.write(path), "en", speech)


def transcribe_all(server: Server, available: Sequence[Recording]) -> list[str]:
    with ThreadPoolExecutor(len(available)) as pool:
        return list(
            pool.map(
                lambda recording: server.transcribe(recording.path, language=recording.language), available
            )
        )


def measure(server: Server, row: Row, clips: Sequence[Recording], long: Recording) -> None:
    before = user_seconds(server.pid)
    row.clip_texts = transcribe_all(server, clips)
    between = user_seconds(server.pid)
    row.long_text = server.transcribe(long.path)
    row.clips.append(between - before)
    row.long.append(user_seconds(server.pid) - between)


@cache
def _normaliser() -> Callable[[str], str]:
    from whisper_normalizer.basic import BasicTextNormalizer

    return BasicTextNormalizer()


def errors(available: Sequence[Recording], texts: Sequence[str], *, spaced: bool) -> float:
    """Word error rate in per cent over languages that separate words by spaces, or character error rate over
    the others."""
    import jiwer

    pairs = [
        (_normaliser()(recording.speech.text), _normaliser()(text))
        for recording, text in zip(available, texts, strict=True)
        if (recording.language not in UNSPACED) == spaced
    ]
    rate = jiwer.wer if spaced else jiwer.cer
    references, heard = zip(*pairs, strict=True)
    return 100 * rate(
        *([side if spaced else side.replace(" ", "") for side in sides] for sides in (references, heard))
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.sidecar.backends", description=__doc__)
    parser.add_argument(
        "--audio", type=Path, required=True, metavar="DIR", help="recordings with a manifest.json"
    )
    parser.add_argument("--model", type=Path, metavar="DIR", help="CTranslate2 weights (default: downloaded)")
    parser.add_argument("--runs", type=int, default=5, help="rounds; each runs every back end once (5)")
    parser.add_argument(
        "--clips", type=int, default=64, help="clips of 2 to 8 s in all languages, sent at once (64)"
    )
    parser.add_argument(
        "--seconds", type=float, default=300, help="seconds of English in the long file (300)"
    )
    parser.add_argument("--only", nargs="+", choices=BACKENDS, default=list(BACKENDS), metavar="NAME")
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="DIR", help="directory for the figures (bench/out)"
    )
    return parser.parse_args()


def main() -> int:
    options = arguments()
    available = recordings(options.audio)
    clips = short_recordings(available, options.clips)
    model = str((options.model or default_model(OUT / "model")).resolve())
    rows = {name: Row() for name in options.only}
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-backends-")))
        long = long_file(available, options.seconds, work / "long.wav")
        servers = {
            name: stack.enter_context(Server({"MODEL": model, "DEVICE": "cpu", **BACKENDS[name]}))
            for name in rows
        }
        for server in servers.values():
            transcribe_all(server, clips[:4])
        for number in range(options.runs):
            order = list(servers)
            for name in order[number % len(order) :] + order[: number % len(order)]:
                row = rows[name]
                measure(servers[name], row, clips, long)
                say(f"run {number + 1}, {name}: clips {row.clips[-1]:.2f} s, long file {row.long[-1]:.2f} s")
    print(table(rows, clips, long))
    options.out.mkdir(parents=True, exist_ok=True)
    about = {"processor": processor(), "cores": cores(), "load": os.getloadavg()}
    whole = {"about": about, "rows": {name: asdict(row) for name, row in rows.items()}}
    (options.out / "backends.json").write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
    return 0


def table(rows: dict[str, Row], clips: Sequence[Recording], long: Recording) -> str:
    """Ratios compare two times of the same round. The first row is the baseline."""
    base = next(iter(rows.values()))
    languages = {recording.language for recording in clips}
    clip_seconds = sum(recording.speech.seconds for recording in clips)
    lines = [
        f"{processor()}; {len(clips)} clips of {clip_seconds:.0f} s in all, in "
        f"{len(languages)} languages, at once; {long.speech.seconds:.0f} s of English.",
        "",
        "| back end | clips, CPU s | of the first's | WER % | CER % "
        "| long file, CPU s | of the first's | WER % |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, row in rows.items():
        cells = [
            name,
            f"{statistics.median(row.clips):.1f}",
            spread([own / first for own, first in zip(row.clips, base.clips, strict=True)], 2),
            f"{errors(clips, row.clip_texts, spaced=True):.1f}",
            f"{errors(clips, row.clip_texts, spaced=False):.1f}" if languages & UNSPACED else "–",
            f"{statistics.median(row.long):.1f}",
            spread([own / first for own, first in zip(row.long, base.long, strict=True)], 2),
            f"{errors([long], [row.long_text], spaced=True):.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
