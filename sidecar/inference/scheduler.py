"""The threads that feed the engine with batches of windows from all requests in flight."""

import itertools
import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

from ..audio.features import HOP, mel
from ..errors import Cancelled, generation
from . import language_sampling
from .batches import Batch, Queue
from .decoding import decode
from .detection import among
from .engine import POSITIONS, Engine
from .gate import Gate, Turn
from .observer import Observer
from .padding import FRAMES_PER_POSITION
from .request import Item, Request, Turns

_BATCHES_AHEAD = 4
_MIN_WINDOWS_AHEAD = 2
_ALIGNED_TOGETHER = 4

Operation = Callable[[Sequence[Item]], None]


class Scheduler:
    """`workers` threads. Each takes the best batch as soon as it is free; no batch waits for a timer.

    One more thread takes the first windows of requests while other requests' later windows hold all workers.
    Sharing the device for a moment costs those windows little, while a short clip would otherwise wait for a
    whole batch. Without other work, a window gets all threads of a CPU: its input is encoded on all of them,
    and its language is detected while it is decoded.

    gate: shared with the schedulers of other models on the same device.
    """

    def __init__(
        self, engine: Engine, *, batch_size: int, workers: int, observer: Observer, gate: Gate | None = None
    ):
        self._engine = engine
        self._observer = observer
        self._extractor = FeatureExtractor(feature_size=engine.mel_bins)
        self._ahead = _BATCHES_AHEAD * batch_size * workers
        self._requests = 0
        self._numbers = itertools.count()
        self._undecided = 0
        self._turns: weakref.WeakValueDictionary[str, Turns] = weakref.WeakValueDictionary()
        self._closed = False
        self._changed = threading.Condition()
        self._share = (gate or Gate(workers)).join()
        on_cpu = engine.device == "cpu"
        # On a CPU one call with many windows is slower than one call per window. A GPU gains from batches.
        encode_size = 1 if on_cpu else batch_size
        self._queue = Queue(size=batch_size, workers=workers, encode_size=encode_size, spread=on_cpu)
        self._helper = ThreadPoolExecutor(1, "detection") if on_cpu else None
        self._threads = [
            threading.Thread(target=self._serve, args=(express,), name="engine", daemon=True)
            for express in [False] * workers + [True]
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Windows that are not in a batch yet."""
        return len(self._queue) + self._undecided

    @property
    def ahead(self) -> int:
        """Windows that one request may have in the scheduler: its share of what keeps all workers' batches
        full."""
        return max(_MIN_WINDOWS_AHEAD, self._ahead // max(1, self._requests))

    def prepare(self, item: Item) -> None:
        """Computes the mel spectrogram. The request's thread does this, so that no worker has to."""
        item.mel = self._mel(item)

    def _mel(self, item: Item) -> np.ndarray:
        return mel(self._extractor, item.samples, item.frames)

    def open(self, request: Request) -> None:
        with self._changed:
            if self._closed:
                raise Cancelled
            self._requests += 1
            if (share := request.parameters.share) is not None:
                request.turns = self._turns.setdefault(share, request.turns)
            request.turns.requests += 1
            request.number = next(self._numbers)

    def submit(self, item: Item) -> None:
        item.submitted = time.perf_counter()
        with self._changed:
            self._queue.add(item)
            self._changed.notify_all()

    def end(self, request: Request, count: int) -> None:
        """The request has `count` windows in all."""
        with self._changed:
            self._release(request.set_window_count(count))

    def close_request(self, request: Request) -> None:
        """Removes the request's items. Those in a running batch are dropped when it is done."""
        with self._changed:
            request.abandoned = True
            request.turns.requests -= 1
            self._requests -= 1
            self._undecided -= request.undecided
            self._queue.drop(request)

    def close(self) -> None:
        """Lets running batches end and starts no other."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._share.leave()
        for thread in self._threads:
            thread.join()
        if self._helper:
            self._helper.shutdown()

    def _release(self, items: list[Item]) -> None:
        self._queue.put_back(items)
        self._undecided -= len(items)
        self._changed.notify_all()

    def _serve(self, express: bool) -> None:
        while self._wait_for_work(express):
            with self._share.turn(express=express) as turn:
                if turn and (batch := self._take(turn, express)) is not None:
                    self._serve_batch(batch)

    def _serve_batch(self, batch: Batch) -> None:
        try:
            self._run(batch)
        except Exception as error:
            for item in batch.items:
                self._fail(item, error)
        with self._changed:
            self._queue.done(batch)
            self._changed.notify_all()

    def _wait_for_work(self, express: bool) -> bool:
        """Waits until there are windows for the thread. False once the scheduler is closed."""
        with self._changed:
            while not self._closed and not self._has_work(express):
                self._changed.wait()
            return not self._closed

    def _has_work(self, express: bool) -> bool:
        if express:
            return self._queue.has_first() and self._share.may_overtake()
        return len(self._queue) > 0

    def _take(self, turn: Turn, express: bool) -> Batch | None:
        """The best batch, now that a worker is free: more windows may have come while the thread waited."""
        with self._changed:
            batch = None if self._closed else self._queue.take(express=express)
            if batch is not None:
                turn.later = any(not item.first for item in batch.items)
                self._changed.notify_all()
            return batch

    def _run(self, batch: Batch) -> None:
        items = [item for item in batch.items if not item.request.abandoned]
        started = time.perf_counter()
        for item in items:
            if item.request.queue_seconds is None:
                item.request.queue_seconds = started - item.submitted
        if batch.encoding:
            self._attempt(batch, items, self._encode)
            stage = "encoded"
        else:
            self._attempt(batch, items, self._decode)
            stage = "decoded"
        seconds = time.perf_counter() - started
        self._observer.batch(stage, size=len(items), limit=batch.limit, seconds=seconds)

    def _attempt(self, batch: Batch, items: Sequence[Item], operation: Operation) -> None:
        """Retries a failed batch in halves, until only the items that always fail are left. Each fails its
        own request."""
        if not items:
            return
        try:
            operation(items)
        except Exception as error:
            memory = _is_memory(error)
            if len(items) == 1 and (items[0].retried or not memory):
                self._fail(items[0], error)
                return
            self._observer.redecoded("memory" if memory else "error")
            if len(items) == 1:
                items[0].retried = True
                self._attempt(batch, items, operation)
                return
            if memory and len(items) == len(batch.items):
                with self._changed:
                    self._queue.shrink(batch)
            middle = len(items) // 2
            self._attempt(batch, items[:middle], operation)
            self._attempt(batch, items[middle:], operation)

    def _fail(self, item: Item, error: Exception) -> None:
        failure = generation(f"the model failed: {error}")
        failure.__cause__ = error
        with self._changed:
            item.request.abandoned = True
            item.request.results.put(failure)

    def _encode(self, items: Sequence[Item]) -> None:
        mels = [self._mel(item) if item.mel is None else item.mel for item in items]
        encoded = self._engine.encode(mels, lone=self._is_alone())
        unknown = [i for i, item in enumerate(items) if item.language is None]
        results = self._engine.detect([encoded[i] for i in unknown]) if unknown else []
        for item, features in zip(items, encoded, strict=True):
            item.encoded, item.mel = features, None
        with self._changed:
            self._queue.put_back(item for item in items if item.language is not None)
            for i, all_probabilities in zip(unknown, results, strict=True):
                request = items[i].request
                probabilities = among(all_probabilities, request.parameters.languages)
                items[i].language_probabilities = probabilities
                if not request.abandoned:
                    before = request.undecided
                    decided = request.add_detection(items[i], probabilities)
                    self._undecided += request.undecided + len(decided) - before
                    self._release(decided)
                    request.results.put(None)
            self._changed.notify_all()

    def _decode(self, items: Sequence[Item]) -> None:
        lead = items[0]
        detection = self._helper.submit(self._detect, items) if self._helper and self._is_alone() else None
        results = decode(
            self._engine,
            [item.job() for item in items],
            beam_size=lead.request.parameters.beam_size,
            temperature=lead.temperature,
        )
        if detection:
            detection.result()
        outcomes = [(item, item.accept(decoded)) for item, decoded in zip(items, results, strict=True)]
        done = [item for item, reason in outcomes if reason is None]
        for _, reason in outcomes:
            if reason is not None:
                self._observer.redecoded(reason)
        with self._changed:
            self._queue.put_back(item for item, reason in outcomes if reason is not None)
            self._changed.notify_all()
        self._detect([item for item in done if item.texts])
        self._align([item for item in done if item.request.parameters.words and item.texts])
        for item in done:
            self._finish(item)

    def _detect(self, items: Sequence[Item]) -> None:
        def operation(group: Sequence[Item]) -> None:
            language_sampling.detect(self._engine, group)

        unknown = [item for item in items if item.needs_detection]
        for group in _grouped(unknown, lambda item: item.frames):
            self._attempt(Batch(False, group, len(group)), group, operation)

    def _is_alone(self) -> bool:
        """Whether the caller's batch is all the work there is."""
        with self._changed:
            return len(self._queue) == 0 and self._share.has_one_batch()

    def _align(self, items: Sequence[Item]) -> None:
        """One call takes items of one length, language and task. On a CPU it takes texts of similar length,
        since shorter ones cost as much as the longest."""
        step = _ALIGNED_TOGETHER if self._engine.device == "cpu" else POSITIONS
        for group in _grouped(items, lambda item: (item.frames, len(_tokens(item)) // step, *_start(item))):
            self._attempt_alignment(_start(group[0]), group)

    def _attempt_alignment(self, start: list[int], items: Sequence[Item]) -> None:
        def operation(group: Sequence[Item]) -> None:
            results = self._engine.align(
                [item.features for item in group],
                start,
                [_tokens(item) for item in group],
                [min(item.window.samples // HOP, len(item.features) * FRAMES_PER_POSITION) for item in group],
            )
            for item, alignment in zip(group, results, strict=True):
                item.alignment = alignment

        self._attempt(Batch(False, list(items), len(items)), items, operation)

    def _finish(self, item: Item) -> None:
        remainder = item.remainder()
        item.encoded = None
        if remainder is not None:
            self._observer.redecoded("rest")
            with self._changed:
                self._queue.put_back([remainder])
                self._changed.notify_all()
        item.request.results.put(item)


def _grouped(items: Sequence[Item], key: Callable[[Item], object]) -> list[list[Item]]:
    groups: dict[object, list[Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return list(groups.values())


def _tokens(item: Item) -> list[int]:
    return [token for text in item.texts for token in text.tokens]


def _start(item: Item) -> list[int]:
    """The tokens from start of transcript to task."""
    return item.request.prompt_builder.tokenizer(item.decided_language).sot_sequence


def _is_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower() or "CUDA" in str(error)
