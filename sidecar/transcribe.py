"""A request's audio → segments: windows, batches, engine, and back in order."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor
from tokenizers import Tokenizer as Vocabulary

from . import audio, batches, segments, vad, windows, words
from .audio import SAMPLE_RATE
from .decoding import Decoded, Decoder, Job
from .detection import LanguageTrack
from .engine import Engine
from .errors import Cancelled
from .features import FULL, HOP, mel
from .languages import spaced
from .observer import Observer
from .parameters import Parameters
from .segments import Segment
from .windows import Window

_BLOCK = 64
_LEAST_REST = 1.0
_MOST_RESTS = 4

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Transcript:
    """`language`: the one with most speech, None where nothing was said. `duration` in seconds."""

    segments: list[Segment]
    language: str | None
    duration: float

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments).strip()


@dataclass(frozen=True)
class _Said:
    """A window with its text. encoded: what the text was decoded from."""

    window: Window
    language: str
    encoded: np.ndarray
    decoded: Decoded


class Transcriber:
    """Owns the threads that feed the engine; `workers` of its calls run at once."""

    def __init__(self, engine: Engine, directory: Path, *, batch_size: int, workers: int, observer: Observer):
        self.engine = engine
        self.batch_size = batch_size
        self.waiting = 0
        self._observer = observer
        self._workers = workers
        self._vocabulary = Vocabulary.from_file(str(directory / "tokenizer.json"))
        self._extractor = FeatureExtractor(feature_size=engine.mel_bins)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="engine")

    def transcribe(
        self,
        file: BinaryIO,
        asked: Parameters,
        *,
        cancelled: Callable[[], bool],
        emit: Callable[[list[Segment]], None],
        longest: float,
    ) -> Transcript:
        """Calls `emit` with segments in order; longest: seconds of audio.

        Raises a `validation` RequestError for bad audio, and Cancelled soon after `cancelled` turns true.
        """
        samples = audio.decode(file, longest=longest)
        self._observer.audio(len(samples) / SAMPLE_RATE)
        return _Request(self, samples, asked, cancelled).run(emit)

    def each(self, work: Callable[[T], R], items: Sequence[T], cancelled: Callable[[], bool]) -> list[R]:
        def unless_cancelled(item: T) -> R:
            if cancelled():
                raise Cancelled
            return work(item)

        futures = [self._pool.submit(unless_cancelled, item) for item in items]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()

    def encode(self, samples: np.ndarray, window: Window, frames: int) -> np.ndarray:
        return self.engine.encode([mel(self._extractor, samples[window.start : window.end], frames)])[0]

    def encode_batch(self, samples: np.ndarray, batch: Sequence[Window], frames: int) -> list[np.ndarray]:
        return self.engine.encode([mel(self._extractor, samples[w.start : w.end], frames) for w in batch])

    def plan(self, of: Sequence[Window]) -> list[batches.Batch]:
        return batches.plan(of, size=self.batch_size, workers=self._workers)

    def decoder(self, asked: Parameters) -> Decoder:
        return Decoder(
            self.engine,
            self._vocabulary,
            task=asked.task,
            beam_size=asked.beam_size,
            initial_prompt=asked.initial_prompt,
            hotwords=asked.hotwords,
        )

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Request:
    def __init__(self, owner: Transcriber, samples: np.ndarray, asked: Parameters, cancelled: Callable[[], bool]):
        self._owner = owner
        self._samples = samples
        self._asked = asked
        self._cancelled = cancelled
        self._decoder = owner.decoder(asked)
        self._track = LanguageTrack()

    def run(self, emit: Callable[[list[Segment]], None]) -> Transcript:
        total = len(self._samples)
        probability = vad.probabilities(self._samples)
        found = windows.cut(vad.stretches(probability, total), probability, total)
        spoken: dict[str, float] = defaultdict(float)
        result: list[Segment] = []
        for begin in range(0, len(found), _BLOCK):
            for said in self._block(found[begin : begin + _BLOCK]):
                after = result[-1].end if result else 0.0
                new = self._segments(said, after=after)
                result += new
                if new:
                    emit(new)
                    spoken[said.language] += vad.seconds(said.window.speech)
        return Transcript(result, max(spoken, key=lambda code: spoken[code], default=None), total / SAMPLE_RATE)

    def _block(self, block: Sequence[Window]) -> list[_Said]:
        encoded = self._encoded(block)
        said = self._decoded(block, encoded, self._languages(block, encoded))
        done = list(said)
        for _ in range(_MOST_RESTS):
            rests = [(one.language, rest) for one in said if (rest := self._rest(one))]
            if not rests:
                break
            left = [rest for _, rest in rests]
            said = self._decoded(left, self._encoded(left), [language for language, _ in rests])
            done += said
        return sorted(done, key=lambda one: one.window.start)

    def _rest(self, said: _Said) -> Window | None:
        if said.decoded.silent:
            return None
        found = segments.pieces(said.decoded.tokens, self._decoder.tokenizer(said.language))
        return segments.rest_of(said.window, found, least=_LEAST_REST)

    def _encoded(self, of: Sequence[Window]) -> list[np.ndarray]:
        """Each window encoded once, with its own batch's padding."""
        plan = self._owner.plan(of)
        if self._owner.engine.device == "cpu":
            tasks = [([i], frames) for frames, places in plan for i in places]
        else:
            tasks = [(places, frames) for frames, places in plan]

        def work(task: tuple[list[int], int]) -> list[np.ndarray]:
            places, frames = task
            return self._owner.encode_batch(self._samples, [of[i] for i in places], frames)

        result: dict[int, np.ndarray] = {}
        for (places, _), encoded in zip(tasks, self._each(work, tasks), strict=True):
            result.update(zip(places, encoded, strict=True))
        return [result[i] for i in range(len(of))]

    def _languages(self, block: Sequence[Window], encoded: Sequence[np.ndarray]) -> list[str]:
        if not self._owner.engine.multilingual:
            return ["en"] * len(block)
        if self._asked.language:
            return [self._asked.language] * len(block)
        found = self._each(lambda one: self._owner.engine.detect([one])[0], encoded)
        return self._track.assign(found, [vad.seconds(window.speech) for window in block])

    def _decoded(self, of: Sequence[Window], encoded: Sequence[np.ndarray], languages: Sequence[str]) -> list[_Said]:
        def work(batch: batches.Batch) -> list[_Said]:
            places = batch[1]
            jobs = [Job(encoded[i], languages[i], of[i].seconds) for i in places]
            found = self._decoder.decode(jobs)
            return [_Said(of[i], languages[i], encoded[i], one) for i, one in zip(places, found, strict=True)]

        plan = self._owner.plan(of)
        result: dict[int, _Said] = {}
        for (_, places), found in zip(plan, self._each(work, plan), strict=True):
            result.update(zip(places, found, strict=True))
        doubtful = [i for i, said in result.items() if said.decoded.doubtful]
        for i, said in zip(doubtful, self._each(self._with_care, [result[i] for i in doubtful]), strict=True):
            result[i] = said
        return [result[i] for i in range(len(of))]

    def _with_care(self, said: _Said) -> _Said:
        """Again at the 30 s of padding that the model was trained on, then with temperatures."""
        encoded = self._owner.encode(self._samples, said.window, FULL)
        job = Job(encoded, said.language, said.window.seconds)
        return replace(said, encoded=encoded, decoded=self._decoder.decode_with_care([job])[0])

    def _segments(self, said: _Said, *, after: float) -> list[Segment]:
        decoded, window = said.decoded, said.window
        if decoded.silent:
            return []
        tokenizer = self._decoder.tokenizer(said.language)
        found = segments.pieces(decoded.tokens, tokenizer)
        result: list[Segment] = []
        for piece in found:
            start, end = segments.spoken_bounds(piece, window, after=result[-1].end if result else after)
            result.append(
                Segment(
                    start=start,
                    end=end,
                    text=spaced(tokenizer.decode(piece.tokens), said.language),
                    language=said.language,
                    avg_logprob=decoded.logprob,
                    compression_ratio=decoded.compression_ratio,
                    no_speech_prob=decoded.no_speech_probability,
                )
            )
        if self._asked.words and result:
            return self._with_words(said, found, result, after=after)
        return result

    def _with_words(
        self, said: _Said, found: Sequence[segments.Piece], result: list[Segment], *, after: float
    ) -> list[Segment]:
        if self._cancelled():
            raise Cancelled
        tokenizer = self._decoder.tokenizer(said.language)
        tokens = [token for piece in found for token in piece.tokens]
        frames = min(said.window.samples // HOP, len(said.encoded) * 2)
        alignment = self._owner.engine.align([said.encoded], tokenizer.sot_sequence, [tokens], [frames])[0]
        return words.placed(
            words.timed(alignment, tokens, tokenizer),
            [len(piece.tokens) for piece in found],
            result,
            said.window,
            self._samples,
            after=after,
        )

    def _each(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        return self._owner.each(work, items, self._cancelled)
