"""`python -m bench.sidecar [--audio DIR] [--only NAME …] [--runs 3] [--seconds 600] [--quick]`

bench/README.md explains the scenarios.
"""

import argparse
import hashlib
import os
import platform
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from . import scenarios, settings
from .bench import Bench
from .corpora import NoAudio, Speakers
from .measure import Row, say
from .process import cores
from .report import plot, save, table
from .server import ROOT

OUT = ROOT / "bench" / "out"
SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (
        scenarios.file,
        scenarios.clips,
        scenarios.lone,
        scenarios.beside,
        scenarios.mix,
        settings.filling,
        settings.windows,
        settings.words,
        settings.beam,
        settings.threads,
        settings.gpu,
    )
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.sidecar", description="Compares the sidecar with faster-whisper."
    )
    parser.add_argument(
        "--audio", type=Path, metavar="DIR", help="recordings with a manifest.json (bench/README.md)"
    )
    parser.add_argument(
        "--model", type=Path, metavar="DIR", help="CTranslate2 Whisper weights (default: downloaded)"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=SCENARIOS,
        default=list(SCENARIOS),
        metavar="NAME",
        help=", ".join(SCENARIOS),
    )
    parser.add_argument("--runs", type=int, default=3, help="runs of each measurement (3)")
    parser.add_argument("--seconds", type=float, default=600, help="seconds of audio in a long file (600)")
    parser.add_argument("--quality", default="balanced", help="quality of the sidecar's requests (balanced)")
    parser.add_argument(
        "--quick", action="store_true", help="one run on little audio, to see that everything works"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=OUT,
        metavar="DIR",
        help="directory for the figures and the plot (bench/out)",
    )
    parser.add_argument(
        "--baseline-env",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="environment variables only for faster-whisper",
    )
    return parser.parse_args()


def default_model(folder: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "sidecar.model", "fetch", str(folder)], cwd=ROOT, check=True, stdout=sys.stderr
    )
    return folder


def device() -> str:
    from ctranslate2 import get_cuda_device_count

    return "cuda" if get_cuda_device_count() else "cpu"


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine()
    )


def fingerprint(model: Path) -> str:
    with (model / "model.bin").open("rb") as file:
        return "sha256 " + hashlib.file_digest(file, "sha256").hexdigest()[:16]


def main() -> int:
    options = arguments()
    if options.quick:
        options.runs, options.seconds = 1, 20
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rows: list[Row] = []
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-sidecar-")))
        model = (options.model or default_model(OUT / "model")).resolve()
        try:
            speakers = Speakers(options.audio, model, work)
        except NoAudio as error:
            say(str(error))
            return 2
        bench = Bench(
            stack=stack,
            model=model,
            device=device(),
            speakers=speakers,
            work=work,
            runs=options.runs,
            seconds=options.seconds,
            quick=options.quick,
            quality=options.quality,
            baseline_environment=dict(pair.split("=", 1) for pair in options.baseline_env),
        )
        about = {
            "processor": processor(),
            "cores": cores(),
            "device": bench.device,
            "compute_type": bench.compute_type,
            "model.bin": fingerprint(model),
            "python": platform.python_version(),
            **{name: version(name) for name in ("faster-whisper", "ctranslate2")},
            "runs": options.runs,
            "seconds": options.seconds,
            "quality": options.quality,
            "load": load,
            "baseline_env": options.baseline_env,
        }
        print(", ".join(f"{name} {value}" for name, value in about.items() if value), end="\n\n")
        if load > 0.25 * cores():
            print("**The machine was busy at the start: the ratios are not valid.**\n")
        for name in options.only:
            new_rows, notes = SCENARIOS[name](bench)
            print(table(name, new_rows, notes), flush=True)
            save(options.out, name, new_rows, notes, about)
            rows += new_rows
            if rows:
                plot(options.out / "sidecar.svg", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
