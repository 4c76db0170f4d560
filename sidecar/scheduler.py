"""The threads that feed the engine with batches filled from all requests in flight."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from faster_whisper.feature_extractor import FeatureExtractor

from .batches import Batch, Queue
from .decoding import decode
from .engine import Engine
from .errors import Cancelled, generation
from .features import HOP, mel
from .observer import Observer
from .request import Item, Request

_AHEAD = 4
_FEWEST_AHEAD = 2

Work = Callable[[Sequence[Item]], None]


class Scheduler:
    """`workers` threads, each of which takes the best batch whenever it is free; a batch waits for no timer.

    One more thread takes the first windows of requests while others' later ones hold all workers: sharing the device
    for a moment costs those little, and waiting for a whole batch would cost a short clip its answer.
    """

    def __init__(self, engine: Engine, *, batch_size: int, workers: int, observer: Observer):
        self._engine = engine
        self._observer = observer
        self._extractor = FeatureExtractor(feature_size=engine.mel_bins)
        self._ahead = _AHEAD * batch_size * workers
        self._requests = 0
        self._undecided = 0
        self._closed = False
        self._changed = threading.Condition()
        on_cpu = engine.device == "cpu"
        # A CPU is slower on many windows in one call than on one after another; a GPU gains from batches.
        self._queue = Queue(size=batch_size, workers=workers, encode_size=1 if on_cpu else batch_size)
        self._threads = [
            threading.Thread(target=self._work, args=(express,), name="engine", daemon=True)
            for express in [False] * workers + [True]
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Windows that no batch holds yet."""
        return len(self._queue) + self._undecided

    @property
    def ahead(self) -> int:
        """Windows that one request may have here at once: its share of what keeps all workers' batches full."""
        return max(_FEWEST_AHEAD, self._ahead // max(1, self._requests))

    def prepare(self, item: Item) -> None:
        """Computes what the encoder takes; the request's own thread does it first, for a worker to be free of it."""
        item.mel = mel(self._extractor, item.samples, item.frames)

    def open(self, request: Request) -> None:
        with self._changed:
            if self._closed:
                raise Cancelled
            self._requests += 1

    def submit(self, item: Item) -> None:
        item.submitted = time.perf_counter()
        with self._changed:
            self._queue.add(item)
            self._changed.notify_all()

    def end(self, request: Request, count: int) -> None:
        """The request has no more than `count` windows."""
        with self._changed:
            self._release(request.end(count))

    def close_request(self, request: Request) -> None:
        """Takes the request's items out of the queue; those in a running batch are dropped when it is done."""
        with self._changed:
            request.gone = True
            self._requests -= 1
            self._undecided -= request.undecided
            self._queue.drop(request)

    def close(self) -> None:
        """Running batches end, and no other begins."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _release(self, items: list[Item]) -> None:
        self._queue.put_back(items)
        self._undecided -= len(items)
        self._changed.notify_all()

    def _work(self, express: bool) -> None:
        while True:
            with self._changed:
                while not self._closed and (batch := self._queue.take(express=express)) is None:
                    self._changed.wait()
                if self._closed:
                    return
                self._changed.notify_all()
            try:
                self._run(batch)
            except Exception as error:
                for item in batch.items:
                    self._fail(item, error)
            with self._changed:
                self._queue.done(batch)
                self._changed.notify_all()

    def _run(self, batch: Batch) -> None:
        wanted = [item for item in batch.items if not item.request.gone]
        started = time.perf_counter()
        for item in wanted:
            if item.request.waited is None:
                item.request.waited = started - item.submitted
        if batch.encoding:
            self._attempt(batch, wanted, self._encode)
            stage = "encoded"
        else:
            self._attempt(batch, wanted, self._decode)
            stage = "decoded"
        seconds = time.perf_counter() - started
        self._observer.batch(stage, size=len(wanted), limit=batch.limit, seconds=seconds)

    def _attempt(self, batch: Batch, items: Sequence[Item], work: Work) -> None:
        """What fails together is tried in halves, until what always fails is alone and fails its request."""
        if not items:
            return
        try:
            work(items)
        except Exception as error:
            memory = _is_memory(error)
            if len(items) == 1 and (items[0].retried or not memory):
                self._fail(items[0], error)
                return
            self._observer.again("memory" if memory else "error")
            if len(items) == 1:
                items[0].retried = True
                self._attempt(batch, items, work)
                return
            if memory and len(items) == len(batch.items):
                with self._changed:
                    self._queue.shrink(batch)
            middle = len(items) // 2
            self._attempt(batch, items[:middle], work)
            self._attempt(batch, items[middle:], work)

    def _fail(self, item: Item, error: Exception) -> None:
        failure = generation(f"the model failed: {error}")
        failure.__cause__ = error
        with self._changed:
            item.request.gone = True
            item.request.finished.put(failure)

    def _encode(self, items: Sequence[Item]) -> None:
        for item in items:
            if item.mel is None:
                self.prepare(item)
        encoded = self._engine.encode([item.mel for item in items])
        unknown = [i for i, item in enumerate(items) if item.language is None]
        found = self._engine.detect([encoded[i] for i in unknown]) if unknown else []
        for item, one in zip(items, encoded, strict=True):
            item.encoded, item.mel = one, None
        with self._changed:
            self._queue.put_back(item for item in items if item.language is not None)
            for i, probabilities in zip(unknown, found, strict=True):
                request = items[i].request
                if not request.gone:
                    before = request.undecided
                    decided = request.hear(items[i], probabilities)
                    self._undecided += request.undecided + len(decided) - before
                    self._release(decided)
                    request.finished.put(None)
            self._changed.notify_all()

    def _decode(self, items: Sequence[Item]) -> None:
        lead = items[0]
        found = decode(
            self._engine,
            [item.job() for item in items],
            beam_size=lead.request.asked.beam_size,
            temperature=lead.temperature,
        )
        judged = [(item, item.judge(decoded)) for item, decoded in zip(items, found, strict=True)]
        done = [item for item, settled in judged if settled]
        again = [item for item, settled in judged if not settled]
        for _ in again:
            self._observer.again("doubtful")
        with self._changed:
            self._queue.put_back(again)
            self._changed.notify_all()
        self._align([item for item in done if item.request.asked.words and item.pieces])
        for item in done:
            self._settle(item)

    def _align(self, items: Sequence[Item]) -> None:
        """One call takes items with one language and task."""
        groups: dict[tuple[int, ...], list[Item]] = defaultdict(list)
        for item in items:
            groups[tuple(item.request.wording.tokenizer(item.language).sot_sequence)].append(item)
        for start, group in groups.items():
            self._attempt_alignment(list(start), group)

    def _attempt_alignment(self, start: list[int], items: Sequence[Item]) -> None:
        def work(some: Sequence[Item]) -> None:
            found = self._engine.align(
                [item.encoded for item in some],
                start,
                [[token for piece in item.pieces for token in piece.tokens] for item in some],
                [min(item.window.samples // HOP, len(item.encoded) * 2) for item in some],
            )
            for item, alignment in zip(some, found, strict=True):
                item.alignment = alignment

        self._attempt(Batch(False, list(items), len(items)), items, work)

    def _settle(self, item: Item) -> None:
        rest = item.rest()
        item.encoded = None
        if rest is not None:
            self._observer.again("rest")
            with self._changed:
                self._queue.put_back([rest])
                self._changed.notify_all()
        item.request.finished.put(item)


def _is_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower() or "CUDA" in str(error)
