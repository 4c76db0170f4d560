"""The process: listens at once, loads the model, serves, drains on SIGTERM."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

import uvicorn

from .. import events
from ..model.install import ModelError
from ..settings import Settings
from .app import create_app
from .service import Service

log = logging.getLogger("sidecar")


class _Server(uvicorn.Server):
    """Without uvicorn's signal handling, which closes the listener before the last requests are done, and
    without its main loop, which wakes ten times a second."""

    def __init__(self, config: uvicorn.Config):
        super().__init__(config)
        self._stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self._stopping.wait()

    def stop(self) -> None:
        self._stopping.set()


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
        create_app(service),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        # uvicorn's main loop would keep it up to date.
        date_header=False,
    )
    server = _Server(config)
    stopping = _on_signals()
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    events.emit("listening", port=listener.getsockname()[1])
    started = time.perf_counter()
    loading = asyncio.create_task(service.models.load())
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({loading, stop}, return_when=asyncio.FIRST_COMPLETED)
    code = 0
    if loading.done():
        try:
            model = loading.result()
            events.emit("ready", model=model, seconds=round(time.perf_counter() - started, 2))
            service.diarization.start()
            await stop
        except ModelError as error:
            events.emit("error", message=str(error))
            code = 1
    log.info("draining %d requests", service.admission.requests)
    await service.drain()
    server.stop()
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
