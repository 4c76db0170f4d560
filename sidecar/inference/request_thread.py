"""A request's own thread: cuts its audio into windows, submits them and puts their text in order."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from queue import Empty
from typing import IO

import numpy as np

from ..audio import decoder, level, vad
from ..audio.buffer import SampleBuffer
from ..audio.decoder import SAMPLE_RATE
from ..audio.windows import Cutter, Window
from ..errors import Cancelled
from ..languages import with_leading_space
from . import segments, words
from .language_sampling import LanguageSampler
from .listener import Listener
from .observer import Observer
from .preparation import Preparation
from .request import Item, Request
from .scheduler import Scheduler
from .segments import Segment
from .spoken_language import LanguageEvidence
from .transcript import Transcript

_POLL_SECONDS = 0.2


class RequestThread:
    """Runs on the request's own thread. Only `Request.results` connects it with the scheduler's threads."""

    def __init__(
        self,
        request: Request,
        *,
        scheduler: Scheduler,
        preparation: Preparation,
        observer: Observer,
        multilingual: bool,
        listener: Listener,
        cancelled: Callable[[], bool],
        on_segments: Callable[[list[Segment]], None],
    ):
        self._request = request
        self._scheduler = scheduler
        self._preparation = preparation
        self._observer = observer
        self._language = _fixed_language(request, multilingual=multilingual)
        self._sampler = LanguageSampler() if multilingual else None
        self._listener = listener
        self._cancelled = cancelled
        self._on_segments = on_segments
        self._buffer = SampleBuffer()
        self._detector = vad.Detector(preparation.pool)
        self._segmenter = vad.SpeechSegmenter()
        self._cutter = Cutter()
        self._submitted = 0
        self._emitted = 0
        self._results: dict[int, list[Item]] = defaultdict(list)
        self._complete_windows: set[int] = set()
        self._segments: list[Segment] = []
        self._speech_seconds: dict[str, float] = defaultdict(float)
        self._evidence = LanguageEvidence()

    def run(self, file: IO[bytes], longest: float) -> Transcript:
        decoded = decoder.stream(file, longest=longest)
        blocks = level.raised(self._listener.through(decoded))
        try:
            block: np.ndarray | None = np.zeros(0, np.int16)
            while block is not None:
                self._poll()
                with self._preparation.limit:
                    self._poll()
                    block = next(blocks, None)
                    windows = self._cut_last() if block is None else self._cut(block)
                for item in self._preparation.prepared(self._items(windows)):
                    self._submit(item)
                self._listener.catch_up()
                self._buffer.drop(self._cutter.needed)
        finally:
            decoded.close()
        self._scheduler.end(self._request, self._submitted)
        while self._emitted < self._submitted:
            self._wait()
        language = max(self._speech_seconds, key=lambda code: self._speech_seconds[code], default=None)
        return Transcript(
            segments=self._segments,
            language=language,
            spoken=self._evidence.conclude(),
            duration=self._buffer.total / SAMPLE_RATE,
            queued=self._request.queue_seconds or 0.0,
        )

    def _cut(self, block: np.ndarray) -> list[Window]:
        self._observer.audio(len(block) / SAMPLE_RATE)
        self._buffer.push(block)
        probability = self._detector.push(block)
        closed = self._segmenter.push(probability)
        return self._cutter.push(probability, closed, self._segmenter.open, self._segmenter.settled)

    def _cut_last(self) -> list[Window]:
        probability = self._detector.finish()
        closed = self._segmenter.push(probability)
        windows = self._cutter.push(probability, closed, self._segmenter.open, self._segmenter.settled)
        total = self._buffer.total
        return windows + self._cutter.finish(self._segmenter.finish(total), total)

    def _items(self, windows: Sequence[Window]) -> list[Item]:
        return [
            Item(
                self._request,
                index,
                window,
                self._buffer.copy(window.start, window.end),
                self._language,
                self._request.frames(window),
                detects=self._sampler is not None and self._sampler.takes(vad.seconds(window.speech)),
            )
            for index, window in enumerate(windows, self._submitted)
        ]

    def _submit(self, item: Item) -> None:
        while self._submitted - self._emitted - self._request.undecided >= self._scheduler.ahead:
            self._wait()
        self._poll()
        self._observer.window(item.window.seconds)
        self._scheduler.submit(item)
        self._submitted += 1

    def _poll(self) -> None:
        if self._cancelled():
            raise Cancelled
        while not self._request.results.empty():
            self._collect(self._request.results.get())

    def _wait(self) -> None:
        """Waits for a result. Polls for cancellation meanwhile."""
        try:
            self._collect(self._request.results.get(timeout=_POLL_SECONDS))
        except Empty:
            self._poll()

    def _collect(self, result: Item | Exception | None) -> None:
        if isinstance(result, Exception):
            raise result
        if result is None:
            return
        self._results[result.index].append(result)
        if not result.has_remainder:
            self._complete_windows.add(result.index)
        while self._emitted in self._complete_windows:
            self._complete_windows.remove(self._emitted)
            self._emit(self._results.pop(self._emitted))
            self._emitted += 1

    def _emit(self, items: Sequence[Item]) -> None:
        """Emits the segments of a window and of its remainders."""
        new_segments: list[Segment] = []
        for item in sorted(items, key=lambda item: item.window.start):
            before = new_segments or self._segments
            item_segments = _segments(item, after=before[-1].end if before else 0.0)
            if item_segments:
                seconds = vad.seconds(item.window.speech)
                self._speech_seconds[item.decided_language] += seconds
                if item.language_probabilities is not None:
                    self._evidence.add(item.language_probabilities, seconds)
            new_segments += item_segments
        self._segments += new_segments
        if new_segments:
            self._on_segments(new_segments)


def _fixed_language(request: Request, *, multilingual: bool) -> str | None:
    """The language of all windows. None: it is detected for each."""
    parameters = request.parameters
    if not multilingual:
        return "en"
    return None if parameters.language_hint else parameters.language


def _segments(item: Item, *, after: float) -> list[Segment]:
    decoded, window, language = item.decoded, item.window, item.decided_language
    assert decoded is not None
    tokenizer = item.request.prompt_builder.tokenizer(language)
    result: list[Segment] = []
    for text in item.texts:
        start, end = segments.spoken_bounds(text, window, after=result[-1].end if result else after)
        result.append(
            Segment(
                start=start,
                end=end,
                text=with_leading_space(tokenizer.decode(text.tokens), language),
                language=language,
                avg_logprob=decoded.logprob,
                compression_ratio=decoded.compression_ratio,
                no_speech_prob=decoded.no_speech_probability,
            )
        )
    if item.alignment is None:
        return result
    tokens = [token for text in item.texts for token in text.tokens]
    return words.with_words(
        words.timed(item.alignment, tokens, tokenizer),
        [len(text.tokens) for text in item.texts],
        result,
        window,
        item.samples,
        after=after,
    )
