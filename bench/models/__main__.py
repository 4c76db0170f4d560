"""`python -m bench.models`: prints Markdown tables of two models in one sidecar, base and tiny.en."""

import argparse
import statistics
import threading
import time
import urllib.request
from pathlib import Path

from ..sidecar.process import cpu_seconds
from ..sidecar.server import ROOT, Server

CLIP = ROOT / "sidecar/tests/speech.flac"
LONG = ROOT / "sidecar/tests/unbroken.opus"
LONG_SECONDS = 28.3
BASE, TINY = "Systran/faster-whisper-base", "Systran/faster-whisper-tiny.en"


def metric(server: Server, name: str, model: str) -> float:
    text = urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics").read().decode()
    start = f'{name}{{model="{model}"}} '
    return next((float(line[len(start) :]) for line in text.splitlines() if line.startswith(start)), 0.0)


def megabytes(server: Server) -> float:
    return int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * 4096 / 1e6


def settled(server: Server) -> float:
    """Resident memory once the idle server has given back what it does not need."""
    time.sleep(3)
    return megabytes(server)


def ask(server: Server, path: Path, model: str) -> float:
    """Seconds until the answer."""
    started = time.perf_counter()
    server.transcribe(path, language="en", model=model)
    return time.perf_counter() - started


class Load:
    """Keeps `clients` requests for each model in flight while the block runs."""

    def __init__(self, server: Server, models: list[str], *, clients: int):
        self._server = server
        self._stopped = threading.Event()
        self.done = dict.fromkeys(models, 0)
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(m,)) for m in models * clients]

    def _run(self, model: str) -> None:
        while not self._stopped.is_set():
            ask(self._server, LONG, model)
            with self._lock:
                self.done[model] += 1

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()


def shares(server: Server, seconds: float) -> None:
    print("\n| load | model | audio, × real time | share of the workers' time | clip for tiny.en, s |")
    print("| --- | --- | --- | --- | --- |")
    for title, models in (("none", []), ("base", [BASE]), ("tiny.en", [TINY]), ("both", [BASE, TINY])):
        before = {m: metric(server, "sidecar_model_batch_seconds_total", m) for m in (BASE, TINY)}
        cpu = cpu_seconds(server.pid) or 0.0
        with Load(server, models, clients=4) as load:
            started = time.perf_counter()
            time.sleep(2 if models else 0)
            clips = []
            while time.perf_counter() < started + (seconds if models else 3):
                clips.append(ask(server, CLIP, TINY))
                time.sleep(0.3)
            elapsed, done = time.perf_counter() - started, dict(load.done)
            used = {m: metric(server, "sidecar_model_batch_seconds_total", m) - before[m] for m in before}
            busy = (cpu_seconds(server.pid) or 0.0) - cpu
        latency = f"{statistics.median(clips):.2f} ({max(clips):.2f})"
        for model in models or [TINY]:
            speed = done.get(model, 0) * LONG_SECONDS / elapsed
            share = used[model] / sum(used.values())
            print(f"| {title} | {model} | {speed:.0f} | {share:.0%} | {latency} |", flush=True)
        print(f"<!-- {title}: {busy / elapsed:.2f} cores -->", flush=True)


def life(server: Server) -> None:
    print("\n| | resident MB | counted MB | first request, s | next request, s |")
    print("| --- | --- | --- | --- | --- |")
    counted = lambda: sum(metric(server, "sidecar_model_memory_bytes", m) for m in (BASE, TINY)) / 1e6  # noqa: E731
    times = ask(server, CLIP, BASE), ask(server, CLIP, BASE)
    print(f"| base | {settled(server):.0f} | {counted():.0f} | {times[0]:.2f} | {times[1]:.2f} |", flush=True)
    for i in range(3):
        times = ask(server, CLIP, TINY), ask(server, CLIP, TINY)
        both = settled(server), counted()
        print(f"| base and tiny.en | {both[0]:.0f} | {both[1]:.0f} | {times[0]:.2f} | {times[1]:.2f} |")
        while metric(server, "sidecar_model_loaded", TINY):
            time.sleep(0.2)
        print(f"| tiny.en unloaded ({i + 1}) | {settled(server):.0f} | {counted():.0f} | | |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of load for each row")
    parser.add_argument("--models", default="base,tiny.en", help="MODELS: base and tiny.en, or directories")
    options = parser.parse_args()
    settings = {"MODEL": "", "MODELS": options.models, "DEVICE": "cpu", "COMPUTE_TYPE": "int8"}
    with Server({**settings, "MODEL_IDLE_SECONDS": "6"}) as server:
        life(server)
    with Server({**settings, "MODEL_IDLE_SECONDS": "0"}) as server:
        ask(server, CLIP, TINY)
        shares(server, options.seconds)


if __name__ == "__main__":
    main()
