"""python -m bench.diarization.cost --data DIR [--seconds SECONDS] [--runs RUNS]

The time and the processor time of a request with and without speakers, alternately."""

import argparse
import statistics
import sys
import time
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from ..sidecar.process import cpu_seconds, peak_mb
from ..sidecar.server import Server
from .corpora import simulated
from .recordings import wav


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.diarization.cost")
    parser.add_argument("--data", type=Path, required=True, help="folder of the checkouts")
    parser.add_argument("--seconds", type=float, default=300.0, help="length of the conversation")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    recording = simulated(options.data / "Resemblyzer", seconds=options.seconds)[2]
    body = wav(recording.signal)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    cpu: dict[bool, list[float]] = {False: [], True: []}
    with Server({"DIARIZATION": "on"}) as server:
        url = f"http://127.0.0.1:{server.port}"
        _ask(url, body[: 44 + 640_000], speakers=True)
        for _ in range(options.runs):
            for speakers in (False, True):
                before, started = (
                    cpu_seconds(server.process.pid) or 0.0,
                    time.perf_counter(),
                )
                _ask(url, body, speakers=speakers)
                seconds[speakers].append(time.perf_counter() - started)
                cpu[speakers].append((cpu_seconds(server.process.pid) or 0.0) - before)
        peak = peak_mb(server.process.pid) or 0.0
    without, with_speakers = (statistics.median(seconds[speakers]) for speakers in (False, True))
    print(f"{recording.seconds:.0f} s of audio, medians of {options.runs} runs\n")
    print("| | s | × real time | CPU s |\n| --- | ---: | ---: | ---: |")
    for name, speakers in (("without speakers", False), ("with speakers", True)):
        took = statistics.median(seconds[speakers])
        used = statistics.median(cpu[speakers])
        print(f"| {name} | {took:.1f} | {recording.seconds / took:.0f} | {used:.1f} |")
    more = statistics.median(cpu[True]) / statistics.median(cpu[False]) - 1
    print(
        f"\n+{with_speakers / without - 1:.0%} of the time, +{more:.0%} of the CPU time; peak {peak:.0f} MB"
    )
    return 0


def _ask(url: str, body: bytes, *, speakers: bool) -> None:
    query = urlencode({"language": "en", "details": "true", "speakers": str(speakers).lower()})
    request = Request(f"{url}/?{query}", body, {"content-type": "audio/wav"})
    with urlopen(request, timeout=3600) as response:
        response.read()


if __name__ == "__main__":
    sys.exit(main())
