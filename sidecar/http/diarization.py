"""The diarization models, loaded on first use, and the diarization of one request, with or without text."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import IO

import numpy as np

from .. import events
from ..audio import decoder
from ..diarization.diarizer import Diarization, Diarizer
from ..diarization.models import Models
from ..errors import Cancelled
from ..inference.listener import Listener
from ..inference.parameters import Parameters
from ..inference.transcript import Transcript
from ..model import diarization as files
from ..model.install import ModelError
from ..settings import Settings, cores

log = logging.getLogger("sidecar")

_POLL_SECONDS = 0.1
_RETRY_SECONDS = 60.0
"""After a failure, requests get its error for so long before the models are loaded again."""


class DiarizationModels:
    """Its states: missing, loading, ready, failed."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._models: Models | None = None
        self._loading = threading.Lock()
        self._error: str | None = None
        self._failed_at = 0.0
        # The other half of the cores is left to the transcription.
        self._workers = max(1, cores() // 2)
        self.pool = ThreadPoolExecutor(self._workers, "diarize")

    @property
    def state(self) -> str:
        if self._models:
            return "ready"
        if self._loading.locked():
            return "loading"
        if self._error:
            return "failed"
        if self._settings.diarization == "off":
            return "missing"
        there = files.is_there(self._settings.diarization_model, self._settings.model_cache)
        return "ready" if there else "missing"

    def start(self) -> None:
        """Loads the models in the background with DIARIZATION=on."""
        if self._settings.diarization == "on":
            threading.Thread(target=self._preload, daemon=True, name="diarization").start()

    def require(self, cancelled: Callable[[], bool]) -> Models:
        """Loads the models on first use. Raises ModelError, or Cancelled."""
        if self._settings.diarization == "off":
            raise ModelError("Diarization is switched off: set DIARIZATION to auto or on.")
        while not self._loading.acquire(timeout=_POLL_SECONDS):
            if cancelled():
                raise Cancelled
        try:
            if self._models is None:
                self._models = self._load()
            return self._models
        finally:
            self._loading.release()

    def _load(self) -> Models:
        if self._error and time.monotonic() - self._failed_at < _RETRY_SECONDS:
            raise ModelError(self._error)
        settings = self._settings
        try:
            directory = files.locate(settings.diarization_model, settings.model_cache, events.model_progress)
            networks = directory / files.SEGMENTATION, directory / files.EMBEDDING
            models = Models(*networks, workers=self._workers)
        except Exception as error:
            self._failed_at = time.monotonic()
            self._error = (
                str(error)
                if isinstance(error, ModelError)
                else f"The diarization models cannot be loaded: {error}"
            )
            raise ModelError(self._error) from error
        self._error = None
        return models

    def _preload(self) -> None:
        try:
            self.require(lambda: False)
        except ModelError as error:
            log.error("%s", error)


class DiarizingListener(Listener):
    """Diarizes what it hears. A failure is kept as `error`, one sentence; the transcription goes on."""

    def __init__(self, models: DiarizationModels, parameters: Parameters, cancelled: Callable[[], bool]):
        super().__init__(parameters.context_before, parameters.context_after)
        self._heard: list[np.ndarray] = []
        self._diarizer: Diarizer | None = None
        self._flushed = False
        self.error: str | None = None
        try:
            self._diarizer = Diarizer(models.require(cancelled), models.pool)
        except ModelError as error:
            self.error = str(error)

    def hear(self, samples: np.ndarray) -> None:
        if self._diarizer:
            self._heard.append(samples)

    def catch_up(self) -> None:
        heard, self._heard = self._heard, []
        try:
            for samples in heard:
                if self._diarizer:
                    self._diarizer.push(samples)
            if self.ended and self._diarizer and not self._flushed:
                self._flushed = True
                self._diarizer.end()
        except Exception as error:
            self._fail(error)

    def finish(self) -> Diarization | None:
        """After the transcription. None after an error."""
        self.catch_up()
        try:
            return self._diarizer.finish() if self._diarizer else None
        except Exception as error:
            self._fail(error)
            return None

    def close(self) -> None:
        if self._diarizer:
            self._diarizer.cancel()

    def _fail(self, error: Exception) -> None:
        log.error("the diarization failed", exc_info=error)
        self.error = f"The diarization failed: {error}"
        self.close()
        self._diarizer = None


def hear_all(
    listener: DiarizingListener, file: IO[bytes], *, longest: float, cancelled: Callable[[], bool]
) -> Transcript:
    """An empty transcript of audio that is diarized only. longest: seconds.

    Raises Cancelled, and RequestError if the audio is invalid.
    """
    samples = 0
    decoded = decoder.stream(file, longest=longest)
    try:
        for block in listener.through(decoded):
            if cancelled():
                raise Cancelled
            listener.catch_up()
            samples += len(block)
    finally:
        decoded.close()
    return Transcript([], None, None, samples / decoder.SAMPLE_RATE, 0.0)
