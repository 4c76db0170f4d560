"""A request's audio → segments: windows to the scheduler as they are cut, and their text back in order."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import BinaryIO

import numpy as np
from tokenizers import Tokenizer as Vocabulary

from . import audio, segments, vad, words
from .audio import SAMPLE_RATE
from .decoding import Wording
from .engine import Engine
from .errors import Cancelled
from .features import padded, sizes
from .languages import spaced
from .observer import Observer
from .parameters import Parameters
from .request import Item, Request
from .scheduler import Scheduler
from .segments import Segment
from .settings import cores
from .windows import Cutter, Window

_LOOK = 0.05


@dataclass(frozen=True)
class Transcript:
    """`language`: the one with most speech, None where nothing was said.

    `duration` in seconds; `queued`: seconds before the model was free for the first window.
    """

    segments: list[Segment]
    language: str | None
    duration: float
    queued: float

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments).strip()


class Transcriber:
    """Owns the threads that feed the engine; `workers` of its calls run at once."""

    def __init__(self, engine: Engine, directory: Path, *, batch_size: int, workers: int, observer: Observer):
        self.engine = engine
        self.batch_size = batch_size
        self.observer = observer
        self.scheduler = Scheduler(engine, batch_size=batch_size, workers=workers, observer=observer)
        # More threads than cores would cut no window earlier, and keep the engine's from running.
        self.preparing = threading.Semaphore(max(2, cores()))
        # On a CPU the engine has the cores; a GPU would wait for one of them.
        self.pool = ThreadPoolExecutor(cores(), "prepare") if engine.device != "cpu" and cores() > 1 else None
        self._vocabulary = Vocabulary.from_file(str(directory / "tokenizer.json"))

    @property
    def waiting(self) -> int:
        """Windows that no batch holds yet."""
        return self.scheduler.waiting

    def transcribe(
        self,
        file: BinaryIO,
        asked: Parameters,
        *,
        cancelled: Callable[[], bool],
        emit: Callable[[list[Segment]], None],
        longest: float,
    ) -> Transcript:
        """Calls `emit` with segments, in order, the moment all before them are known; longest: seconds of audio.

        May be called from many threads at once. Raises RequestError for bad audio or where the model fails, and
        Cancelled soon after `cancelled` turns true.
        """
        request = Request(asked, self.wording(asked), sizes(self.engine.device))
        self.scheduler.open(request)
        try:
            return _Run(self, request, cancelled, emit).run(file, longest)
        finally:
            self.scheduler.close_request(request)

    def wording(self, asked: Parameters) -> Wording:
        return Wording(
            self._vocabulary,
            multilingual=self.engine.multilingual,
            task=asked.task,
            initial_prompt=asked.initial_prompt,
            hotwords=asked.hotwords,
        )

    def prepared(self, items: Sequence[Item]) -> Iterator[Item]:
        """The same items, in order, with what the encoder takes."""
        if self.pool:
            yield from self.pool.map(self._prepare, items)
        else:
            for item in items:
                with self.preparing:
                    self._prepare(item)
                yield item

    def _prepare(self, item: Item) -> Item:
        self.scheduler.prepare(item)
        return item

    def close(self) -> None:
        self.scheduler.close()
        if self.pool:
            self.pool.shutdown()


class _Run:
    """A request's own thread."""

    def __init__(
        self,
        owner: Transcriber,
        request: Request,
        cancelled: Callable[[], bool],
        emit: Callable[[list[Segment]], None],
    ):
        self._owner = owner
        self._request = request
        self._cancelled = cancelled
        self._emit = emit
        self._language = request.asked.language if owner.engine.multilingual else "en"
        self._tape = audio.Tape()
        self._detector = vad.Detector(owner.pool)
        self._stretches = vad.Stretches()
        self._cutter = Cutter()
        self._submitted = 0
        self._told = 0
        self._finished: dict[int, list[Item]] = defaultdict(list)
        self._complete: set[int] = set()
        self._segments: list[Segment] = []
        self._spoken: dict[str, float] = defaultdict(float)

    def run(self, file: BinaryIO, longest: float) -> Transcript:
        blocks = audio.stream(file, longest=longest)
        try:
            block: np.ndarray | None = np.zeros(0, np.int16)
            while block is not None:
                self._look()
                with self._owner.preparing:
                    self._look()
                    block = next(blocks, None)
                    windows = self._last() if block is None else self._cut(block)
                for item in self._owner.prepared(self._items(windows)):
                    self._submit(item)
                self._tape.forget(self._cutter.needed)
        finally:
            blocks.close()
        self._owner.scheduler.end(self._request, self._submitted)
        while self._told < self._submitted:
            self._receive()
        language = max(self._spoken, key=lambda code: self._spoken[code], default=None)
        return Transcript(self._segments, language, self._tape.total / SAMPLE_RATE, self._request.waited or 0.0)

    def _cut(self, block: np.ndarray) -> list[Window]:
        self._owner.observer.audio(len(block) / SAMPLE_RATE)
        self._tape.push(block)
        probability = self._detector.push(block)
        closed = self._stretches.push(probability)
        return self._cutter.push(probability, closed, self._stretches.open, self._stretches.seen)

    def _last(self) -> list[Window]:
        probability = self._detector.finish()
        closed = self._stretches.push(probability)
        windows = self._cutter.push(probability, closed, self._stretches.open, self._stretches.seen)
        total = self._tape.total
        return windows + self._cutter.finish(self._stretches.finish(total), total)

    def _items(self, windows: Sequence[Window]) -> list[Item]:
        return [
            Item(
                self._request,
                place,
                window,
                self._tape.copy(window.start, window.end),
                self._language,
                padded(window.seconds, self._request.sizes),
            )
            for place, window in enumerate(windows, self._submitted)
        ]

    def _submit(self, item: Item) -> None:
        scheduler = self._owner.scheduler
        while self._submitted - self._told - self._request.undecided >= scheduler.ahead:
            self._receive()
        self._look()
        self._owner.observer.window(item.window.seconds)
        scheduler.submit(item)
        self._submitted += 1

    def _look(self) -> None:
        if self._cancelled():
            raise Cancelled
        while not self._request.finished.empty():
            self._take(self._request.finished.get())

    def _receive(self) -> None:
        """Waits for something to be finished, or to be cancelled."""
        try:
            self._take(self._request.finished.get(timeout=_LOOK))
        except Empty:
            self._look()

    def _take(self, told: Item | Exception | None) -> None:
        if isinstance(told, Exception):
            raise told
        if told is None:
            return
        self._finished[told.place].append(told)
        if not told.followed:
            self._complete.add(told.place)
        while self._told in self._complete:
            self._complete.remove(self._told)
            self._tell(self._finished.pop(self._told))
            self._told += 1

    def _tell(self, items: Sequence[Item]) -> None:
        """The window's segments, and those of the rests that came after it."""
        new: list[Segment] = []
        for item in sorted(items, key=lambda item: item.window.start):
            before = new or self._segments
            found = _segments(item, after=before[-1].end if before else 0.0)
            if found:
                self._spoken[item.language] += vad.seconds(item.window.speech)
            new += found
        self._segments += new
        if new:
            self._emit(new)


def _segments(item: Item, *, after: float) -> list[Segment]:
    decoded, window = item.decoded, item.window
    tokenizer = item.request.wording.tokenizer(item.language)
    result: list[Segment] = []
    for piece in item.pieces:
        start, end = segments.spoken_bounds(piece, window, after=result[-1].end if result else after)
        result.append(
            Segment(
                start=start,
                end=end,
                text=spaced(tokenizer.decode(piece.tokens), item.language),
                language=item.language,
                avg_logprob=decoded.logprob,
                compression_ratio=decoded.compression_ratio,
                no_speech_prob=decoded.no_speech_probability,
            )
        )
    if item.alignment is None:
        return result
    tokens = [token for piece in item.pieces for token in piece.tokens]
    return words.placed(
        words.timed(item.alignment, tokens, tokenizer),
        [len(piece.tokens) for piece in item.pieces],
        result,
        window,
        item.samples,
        after=after,
    )
