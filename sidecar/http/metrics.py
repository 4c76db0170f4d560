"""The metrics: text-generation-inference's names if they mean the same, own names for audio."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from starlette.requests import ClientDisconnect

from ..errors import Cancelled, RequestError
from ..model.registry import Entry
from .exposition import Registry
from .loaded import Loaded

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
_BATCH_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_WINDOW_SECONDS = (1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 25.0, 30.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64)
_FRACTIONS = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
_ERRORS = ("validation", "authentication", "overloaded", "healthcheck", "generation", "cancelled")
# text-generation-inference's names for the two stages of a batch.
_METHODS = {"encoded": "prefill", "decoded": "decode"}


class Metrics:
    """Of the inference, through the observer of each model, and of the HTTP requests around it.

    The arguments are read at each scrape: the models, requests in flight, seconds of audio and bytes held for
    them, and seconds of audio transcribed per second.
    """

    def __init__(
        self,
        *,
        models: Callable[[], Sequence[Entry[Loaded]]],
        requests: Callable[[], float],
        seconds: Callable[[], float],
        size: Callable[[], float],
        speed: Callable[[], float],
    ):
        registry = Registry()
        self.text = registry.text
        self._batch_size = 0
        self._count = registry.counter("tgi_request_count", "Transcription requests.")
        self._success = registry.counter("tgi_request_success", "Transcription requests that succeeded.")
        self._failure = registry.counter(
            "tgi_request_failure", "Transcription requests that failed, by reason.", "err", _ERRORS
        )
        self._duration = registry.histogram(
            "tgi_request_duration", "Seconds from a request's arrival to its response.", _SECONDS
        )
        self._queued = registry.histogram(
            "tgi_request_queue_duration", "Seconds that a request waited for the model.", _SECONDS
        )
        self._inference = registry.histogram(
            "tgi_request_inference_duration", "Seconds that a request was transcribed.", _SECONDS
        )
        registry.gauge("tgi_queue_size", "Windows waiting for a model.", lambda: sum(map(_waiting, models())))
        registry.gauge(
            "tgi_batch_current_size", "Windows in the last decoded batch.", lambda: self._batch_size
        )
        self._batch_sizes = registry.histogram(
            "tgi_batch_next_size", "Windows in each decoded batch.", _SIZES
        )
        self._batches = registry.counter(
            "tgi_batch_inference_count", "Batches, by stage.", "method", tuple(_METHODS.values())
        )
        self._batch_duration = registry.histogram(
            "tgi_batch_inference_duration", "Seconds per batch, by stage.", _BATCH_SECONDS, "method"
        )
        registry.gauge("sidecar_requests", "Requests in flight.", requests)
        registry.gauge(
            "sidecar_queued_seconds", "Seconds of audio received and not yet transcribed.", seconds
        )
        registry.gauge("sidecar_queued_bytes", "Bytes of audio held for requests.", size)
        registry.gauge(
            "sidecar_real_time_factor", "Seconds of work per second of audio.", lambda: 1 / speed()
        )
        self._audio = registry.counter("sidecar_audio_seconds_total", "Seconds of audio received.")
        self._windows = registry.counter("sidecar_windows_total", "Windows of speech cut from the audio.")
        self._window_seconds = registry.histogram(
            "sidecar_window_seconds", "Seconds per window.", _WINDOW_SECONDS
        )
        self._fill = registry.histogram(
            "sidecar_batch_fill",
            "Fraction of a batch's capacity that was used, by stage.",
            _FRACTIONS,
            "method",
        )
        self._redecoded = registry.counter(
            "sidecar_windows_again_total",
            "Windows decoded again, by reason.",
            "reason",
            ("doubtful", "hotwords", "pass", "parts", "rest", "memory", "error"),
        )
        self._add_models(registry, models)

    def _add_models(self, registry: Registry, models: Callable[[], Sequence[Entry[Loaded]]]) -> None:
        def by_model(read: Callable[[Entry[Loaded]], float]) -> Callable[[], Mapping[str, float]]:
            return lambda: {entry.offer.name: read(entry) for entry in models()}

        registry.gauge(
            "sidecar_model_loaded",
            "Whether the model is loaded (1) or not (0).",
            by_model(lambda entry: 0 if entry.loaded is None else 1),
            "model",
        )
        registry.gauge(
            "sidecar_model_memory_bytes",
            "Memory that a loaded model counts for in MODEL_MEMORY_BYTES.",
            by_model(lambda entry: entry.size),
            "model",
        )
        registry.gauge(
            "sidecar_model_queue_size", "Windows waiting for the model.", by_model(_waiting), "model"
        )
        self._loads = registry.counter(
            "sidecar_model_loads_total", "Times that the model was loaded.", "model"
        )
        self._model_audio = registry.counter(
            "sidecar_model_audio_seconds_total", "Seconds of audio received for the model.", "model"
        )
        self._model_batches = registry.counter(
            "sidecar_model_batch_seconds_total", "Seconds of workers that the model used.", "model"
        )

    def observer(self, model: str) -> "ModelObserver":
        """For a model that is being loaded."""
        self._loads.add(label=model)
        return ModelObserver(self, model)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Counts the request in this block, and its outcome."""
        arrived = time.perf_counter()
        self._count.add()
        try:
            yield
        except RequestError as error:
            self._failure.add(label=error.error_type)
            raise
        except (Cancelled, ClientDisconnect):
            self._failure.add(label="cancelled")
            raise
        except Exception:
            self._failure.add(label="generation")
            raise
        self._success.add()
        self._duration.observe(time.perf_counter() - arrived)

    def record_durations(self, *, queued: float, inference: float) -> None:
        """Records the seconds that a request waited for the model and was transcribed."""
        self._queued.observe(queued)
        self._inference.observe(inference)

    def audio(self, seconds: float, *, model: str) -> None:
        self._audio.add(seconds)
        self._model_audio.add(seconds, label=model)

    def window(self, seconds: float) -> None:
        self._windows.add()
        self._window_seconds.observe(seconds)

    def batch(self, stage: str, *, size: int, limit: int, seconds: float, model: str) -> None:
        method = _METHODS[stage]
        self._batches.add(label=method)
        self._batch_duration.observe(seconds, label=method)
        self._model_batches.add(seconds, label=model)
        self._fill.observe(size / limit, label=method)
        if method == "decode":
            self._batch_size = size
            self._batch_sizes.observe(size)

    def redecoded(self, reason: str) -> None:
        self._redecoded.add(label=reason)


class ModelObserver:
    """An Observer of one model's inference."""

    def __init__(self, metrics: Metrics, model: str):
        self._metrics = metrics
        self._model = model
        self.window = metrics.window
        self.redecoded = metrics.redecoded

    def audio(self, seconds: float) -> None:
        self._metrics.audio(seconds, model=self._model)

    def batch(self, stage: str, *, size: int, limit: int, seconds: float) -> None:
        self._metrics.batch(stage, size=size, limit=limit, seconds=seconds, model=self._model)


def _waiting(entry: Entry[Loaded]) -> float:
    return entry.loaded.transcriber.waiting if entry.loaded else 0
