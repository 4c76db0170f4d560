"""Clients that leave without a word, at every point of a request."""

import os
import random
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from . import gauges, raw
from .process import Process
from .test_audio import wav

_CLIENTS = 200
_WARM_UP, _MEASURED = 4, 4
_GROWTH = 160 << 20
"""More than the allocator's own ups and downs, and a seventh of what the clients after the warm-up sent."""
_RELEASED = 2.0
"""Seconds without a request after which memory has gone back to the system."""


def rss(server: Process) -> int:
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_files(server: Process, directory: Path) -> list[str]:
    found = []
    for entry in Path(f"/proc/{server.pid}/fd").iterdir():
        # One that was closed since it was listed is not open.
        with suppress(FileNotFoundError):
            found.append(os.readlink(entry))
    return [name for name in found if name.startswith(str(directory))]


def vanish(server: Process, body: bytes, place: random.Random) -> None:
    """Sends a request in part, or in whole without reading, or reads the beginning of its stream, and is gone."""
    how = place.choice(["sending", "sending json", "queued", "streaming"])
    with raw.connect(server) as client:
        if how == "sending":
            request = raw.request("/", body)
            client.sendall(request[: place.randrange(len(request) // 2, len(request))])
        elif how == "sending json":
            client.sendall(raw.head("/", "content-length: 3000000").replace(b"audio/wav", b"application/json"))
            client.sendall(b'{"inputs":"' + b"QUJD" * place.randrange(100_000, 500_000))
        elif how == "queued":
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


def test_200_clients_that_vanish_leave_nothing_behind(model, speech, tmp_path):
    body = wav(np.concatenate([speech] * 7))
    settings = {"MODEL": str(model.directory), "MAX_CONCURRENT_REQUESTS": "256", "TMPDIR": str(tmp_path)}
    with Process(**settings) as server:
        server.wait_for("ready")
        held = []
        for seed in range(_WARM_UP + _MEASURED):
            before = gauges.read(server)
            crowd(server, body, seed)
            after = gauges.wait_for(server, **gauges.NOTHING)
            left = "tgi_request_failure_total:cancelled"
            assert after[left] - before[left] == _CLIENTS
            assert after["tgi_request_success_total"] == 0
            assert open_files(server, tmp_path) == []
            assert list(tmp_path.iterdir()) == []
            if seed >= _WARM_UP - 1:
                time.sleep(_RELEASED)
                held.append(rss(server))
        print("RSS after each crowd, MiB:", [size >> 20 for size in held])
        # By the last crowd of the warm-up, threads and the model's own buffers have come to their full number.
        assert max(held[1:]) - held[0] < _GROWTH
