"""Clients that disconnect at every point of a request."""

import os
import random
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from sidecar.model.files import Model

from . import gauges, raw
from .process import Process
from .test_decoder import wav

_CLIENTS = 200
_WARM_UP, _MEASURED = 4, 4
_GROWTH = 160 << 20
"""More than the allocator's own variation, and a seventh of what the clients after the warm-up sent."""
_RELEASED = 2.0
"""Seconds without a request after which unused memory was returned to the system."""


def rss(server: Process) -> int:
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_files(server: Process, directory: Path) -> list[str]:
    names = []
    for entry in Path(f"/proc/{server.pid}/fd").iterdir():
        # A file that was closed since the listing is not open.
        with suppress(FileNotFoundError):
            names.append(os.readlink(entry))
    return [name for name in names if name.startswith(str(directory))]


def vanish(server: Process, body: bytes, rng: random.Random) -> None:
    """Sends part of a request, or sends it all and reads nothing, or reads the start of its stream; then
    disconnects."""
    stage = rng.choice(["sending", "sending json", "queued", "streaming"])
    with raw.connect(server) as client:
        if stage == "sending":
            request = raw.request("/", body)
            client.sendall(request[: rng.randrange(len(request) // 2, len(request))])
        elif stage == "sending json":
            client.sendall(
                raw.head("/", "content-length: 3000000").replace(b"audio/wav", b"application/json")
            )
            client.sendall(b'{"inputs":"' + b"QUJD" * rng.randrange(100_000, 500_000))
        elif stage == "queued":
            client.sendall(raw.request("/", body))
        else:
            client.sendall(raw.request("/generate_stream", body))
            raw.read_until(client, b":\n\n")


def crowd(server: Process, body: bytes, seed: int) -> None:
    threads = [
        threading.Thread(target=vanish, args=(server, body, random.Random(seed * _CLIENTS + i)))
        for i in range(_CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_200_clients_that_disconnect_leave_no_memory_files_or_requests(
    model: Model, speech: np.ndarray, tmp_path: Path
) -> None:
    body = wav(np.concatenate([speech] * 7))
    settings = {"MODEL": str(model.directory), "MAX_CONCURRENT_REQUESTS": "256", "TMPDIR": str(tmp_path)}
    with Process(**settings) as server:
        server.wait_for("ready")
        held = []
        for seed in range(_WARM_UP + _MEASURED):
            before = gauges.read(server)
            crowd(server, body, seed)
            after = gauges.wait_for(server, **gauges.IDLE)
            left = "tgi_request_failure_total:cancelled"
            assert after[left] - before[left] == _CLIENTS
            assert after["tgi_request_success_total"] == 0
            assert open_files(server, tmp_path) == []
            assert list(tmp_path.iterdir()) == []
            if seed >= _WARM_UP - 1:
                time.sleep(_RELEASED)
                held.append(rss(server))
        print("RSS after each crowd, MiB:", [size >> 20 for size in held])
        # By the end of the warm-up, threads and the model's own buffers have reached their full number.
        assert max(held[1:]) - held[0] < _GROWTH
