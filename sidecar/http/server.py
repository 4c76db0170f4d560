"""The process: listens at once, loads the model, serves, drains on SIGTERM."""

import asyncio
import contextlib
import io
import logging
import os
import signal
import socket
import sys
import threading
import time
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import uvicorn

from .. import events
from ..audio.decoder import SAMPLE_RATE
from ..audio.features import sizes
from ..inference.decoding import decode
from ..inference.engine import CTranslate2, device_for
from ..inference.observer import Observer
from ..inference.parameters import Parameters
from ..inference.transcribe import Transcriber
from ..model.files import locate
from ..model.install import ModelError
from ..settings import Settings
from .app import create_app
from .service import Loaded, Service

log = logging.getLogger("sidecar")


class _Server(uvicorn.Server):
    """Without uvicorn's signal handling, which closes the listener before the last requests are done."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings) -> int:
    """Runs until SIGTERM or SIGINT. Returns the process's exit code."""
    try:
        listener = _listen(settings.host, settings.port)
    except OSError as error:
        events.emit(
            "error", message=f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}"
        )
        return 1
    service = Service(settings)
    config = uvicorn.Config(
        create_app(service), log_config=None, access_log=False, lifespan="off", server_header=False
    )
    server = _Server(config)
    stopping = _on_signals()
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    events.emit("listening", port=listener.getsockname()[1])
    loading = asyncio.create_task(asyncio.to_thread(_load, settings, service.metrics))
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({loading, stop}, return_when=asyncio.FIRST_COMPLETED)
    code = 0
    if loading.done():
        try:
            service.loaded, seconds = loading.result()
            events.emit("ready", model=service.loaded.model.name, seconds=round(seconds, 2))
            service.diarization.start()
            await stop
        except ModelError as error:
            events.emit("error", message=str(error))
            code = 1
    log.info("draining %d requests", service.admission.requests)
    await service.drain()
    server.should_exit = True
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(serving, 5)
    return code


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    return listener


def _on_signals() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT. A second one ends the process at once."""
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            os._exit(1)
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return stopping


def _load(settings: Settings, observer: Observer) -> tuple[Loaded, float]:
    started = time.perf_counter()
    model = locate(settings.model, settings.model_cache, events.model_progress)
    device = device_for(settings.device)
    workers = settings.cpu_workers if device == "cpu" else settings.gpu_workers
    try:
        engine = CTranslate2(
            model.directory,
            device=device,
            compute_type=settings.compute_type or ("int8" if device == "cpu" else "float16"),
            workers=workers,
            threads=settings.cpu_threads,
            devices=settings.device_index,
        )
        batch_size = settings.max_batch_size or (12 if device == "cpu" else 4)
        total_workers = workers if device == "cpu" else workers * len(settings.device_index)
        transcriber = Transcriber(
            engine, model.directory, batch_size=batch_size, workers=total_workers, observer=observer
        )
        _warm_up(transcriber, total_workers)
    except Exception as error:
        raise ModelError(f"The model {model.name} cannot be loaded on {device}: {error}") from error
    return Loaded(model, transcriber), time.perf_counter() - started


def _warm_up(transcriber: Transcriber, workers: int) -> None:
    """Moves the cost of first use, and its failures, from the first request to the start."""
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda _: _decode_silence(transcriber), range(workers)))
    silence = io.BytesIO()
    with wave.open(silence, "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(bytes(2 * SAMPLE_RATE))
    silence.seek(0)
    transcriber.transcribe(
        silence,
        Parameters(),
        cancelled=lambda: False,
        on_segments=lambda segments: None,
        longest=float("inf"),
    )


def _decode_silence(transcriber: Transcriber) -> None:
    engine = transcriber.engine
    [encoded] = engine.encode([np.zeros((engine.mel_bins, sizes(engine.device)[0]), np.float32)])
    if engine.multilingual:
        engine.detect([encoded])
    decode(
        engine,
        [transcriber.prompt_builder(Parameters()).job(encoded, "en", 0.0)],
        beam_size=5,
        temperature=0.0,
    )


def exit_with_stdin() -> None:
    """Ends the process when stdin is closed: the parent process has ended, perhaps by SIGKILL."""

    def watch() -> None:
        while os.read(0, 65536):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True, name="stdin").start()


def run(settings: Settings, *, with_stdin: bool) -> None:
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    if with_stdin:
        exit_with_stdin()
    code = asyncio.run(serve(settings))
    sys.stdout.flush()
    # A thread inside the model, or inside a download, would delay the interpreter's own exit.
    os._exit(code)
