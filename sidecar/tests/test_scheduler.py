"""Many requests at once on the real model, with injected failures."""

import io
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sidecar.audio.features import FULL
from sidecar.errors import Cancelled, RequestError
from sidecar.http.parameters import parse
from sidecar.inference.engine import Alignment, Engine, Generated, Search
from sidecar.inference.parameters import Parameters
from sidecar.inference.segments import Segment, Word
from sidecar.inference.transcribe import Transcriber
from sidecar.inference.transcript import Transcript
from sidecar.model.files import Model

from . import rounding
from .test_decoder import wav

POISON = "A poison."
PROMPT = "A letter."


class Faulty:
    """The real engine; `before` sees each call's prompts and may raise."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self.device, self.multilingual, self.mel_bins = engine.device, engine.multilingual, engine.mel_bins
        self.compute_type = engine.compute_type
        self.open = threading.Event()
        self.open.set()
        self.before: Callable[[Sequence[list[int]]], None] = lambda prompts: None
        self.sizes: list[int] = []
        self.lone: list[bool] = []

    def encode(self, mels: Sequence[np.ndarray], *, lone: bool = False) -> list[np.ndarray]:
        self.open.wait()
        self.lone.append(lone)
        return self._engine.encode(mels, lone=lone)

    def detect(self, encoded: Sequence[np.ndarray]) -> list[dict[str, float]]:
        return self._engine.detect(encoded)

    def generate(
        self, encoded: Sequence[np.ndarray], prompts: Sequence[list[int]], search: Search
    ) -> list[list[Generated]]:
        self.sizes.append(len(prompts))
        self.before(prompts)
        return self._engine.generate(encoded, prompts, search)

    def align(
        self,
        encoded: Sequence[np.ndarray],
        start: list[int],
        tokens: Sequence[list[int]],
        frames: Sequence[int],
    ) -> list[Alignment]:
        return self._engine.align(encoded, start, tokens, frames)


class RecordingObserver:
    """An observer that records its calls."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.windows: list[float] = []
        self.reasons: list[str] = []

    def audio(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def window(self, seconds: float) -> None:
        self.windows.append(seconds)

    def batch(self, stage: str, *, size: int, limit: int, seconds: float) -> None:
        assert 0 <= size <= limit
        assert stage in ("encoded", "decoded")

    def redecoded(self, reason: str) -> None:
        self.reasons.append(reason)


FaultyTranscriber = tuple[Transcriber, Faulty, RecordingObserver]


@pytest.fixture
def faulty(transcriber: Transcriber, model: Model) -> Iterator[FaultyTranscriber]:
    engine, observer = Faulty(transcriber.engine), RecordingObserver()
    made = Transcriber(engine, model.directory, batch_size=8, workers=1, observer=observer)
    yield made, engine, observer
    engine.open.set()
    made.close()


def run(transcriber: Transcriber, samples: np.ndarray, parameters: Parameters) -> Transcript:
    return transcriber.transcribe(
        io.BytesIO(wav(samples)),
        parameters,
        cancelled=lambda: False,
        on_segments=lambda segments: None,
        longest=6000,
    )


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def together(
    faulty: FaultyTranscriber, samples: np.ndarray | Sequence[np.ndarray], parameters: Sequence[Parameters]
) -> list[Transcript | RequestError]:
    """Queues all windows before the first is encoded, so that they share a batch.

    samples: one array per request, or one for all.
    """
    transcriber, engine, _ = faulty
    engine.open.clear()

    def attempt(own: np.ndarray, options: Parameters) -> Transcript | RequestError:
        try:
            return run(transcriber, own, options)
        except RequestError as error:
            return error

    each = [samples] * len(parameters) if isinstance(samples, np.ndarray) else samples
    with ThreadPoolExecutor(len(parameters)) as pool:
        results = [pool.submit(attempt, *pair) for pair in zip(each, parameters, strict=True)]
        # A worker holds one of them already.
        until(lambda: transcriber.waiting == len(parameters) - 1)
        engine.open.set()
        return [future.result() for future in results]


def test_concurrent_requests_share_batches_and_get_the_same_texts_as_alone(
    faulty: FaultyTranscriber,
    transcriber: Transcriber,
    recordings: dict[str, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # One length for all, so that only their prompts keep windows apart.
    monkeypatch.setattr("sidecar.inference.transcribe.sizes", lambda device: (850, FULL))
    languages = ("en", "de", "es", "nl", "ja")
    parameters = [
        parse({"language": language, "task": task, "initial_prompt": prompt, "words": words})
        for language, task, prompt, words in (
            ("en", "transcribe", PROMPT, True),
            ("de", "transcribe", PROMPT, False),
            ("auto", "translate", "A recipe.", False),
            ("nl", "transcribe", PROMPT, True),
            ("ja", "transcribe", None, False),
        )
    ]
    samples = [recordings[language] for language in languages]
    alone = [run(transcriber, own, options) for own, options in zip(samples, parameters, strict=True)]
    results = successful(together(faulty, samples, parameters))
    assert [transcript.text for transcript in results] == [transcript.text for transcript in alone]
    assert [transcript.language for transcript in results] == list(languages)
    assert [transcript.spoken for transcript in results] == [transcript.spoken for transcript in alone]
    assert [transcript.spoken and transcript.spoken.code for transcript in results] == list(languages)
    assert max(faulty[1].sizes) == 4
    for word, alone_word in zip(timed(results), timed(alone), strict=True):
        assert word.word == alone_word.word
        assert word.probability == pytest.approx(alone_word.probability, abs=rounding.WORD_PROBABILITY)
        assert (word.start, word.end) == pytest.approx(
            (alone_word.start, alone_word.end), abs=rounding.WORD_TIME
        )


def test_only_a_window_without_other_work_is_encoded_on_all_threads(
    faulty: FaultyTranscriber, speech: np.ndarray
) -> None:
    transcriber, engine, _ = faulty
    parameters = parse({"language": "en"})
    run(transcriber, speech, parameters)
    assert engine.lone == [True]
    together(faulty, speech, [parameters] * 3)
    assert engine.lone[2:] == [False, False]


def successful(results: Sequence[Transcript | RequestError]) -> list[Transcript]:
    transcripts = [result for result in results if isinstance(result, Transcript)]
    assert len(transcripts) == len(results)
    return transcripts


def timed(results: Sequence[Transcript]) -> list[Word]:
    return [word for transcript in results for segment in transcript.segments for word in segment.words or ()]


def test_a_batch_that_runs_out_of_memory_is_halved(faulty: FaultyTranscriber, speech: np.ndarray) -> None:
    _, engine, observer = faulty

    def before(prompts: Sequence[list[int]]) -> None:
        if len(prompts) > 2:
            raise RuntimeError("CUDA failed with error out of memory")

    engine.before = before
    results = successful(together(faulty, speech, [parse({"language": "en"})] * 4))
    assert ["London" in transcript.text for transcript in results] == [True] * 4
    assert engine.sizes[:3] == [4, 2, 2]
    assert observer.reasons == ["memory"]


def test_a_window_that_always_fails_fails_only_its_own_request(
    faulty: FaultyTranscriber, transcriber: Transcriber, speech: np.ndarray
) -> None:
    _, engine, observer = faulty
    poison = transcriber.prompt_builder(parse({"initial_prompt": POISON})).job(np.zeros(0), "en", 1.0).prompt

    def before(prompts: Sequence[list[int]]) -> None:
        if poison in prompts:
            raise ValueError("cannot take this window")

    engine.before = before
    results = together(
        faulty,
        speech,
        [parse({"language": "en", "initial_prompt": p}) for p in (PROMPT, POISON, PROMPT, PROMPT)],
    )
    assert isinstance(results[1], RequestError)
    assert (results[1].status, results[1].error_type) == (424, "generation")
    assert "cannot take this window" in results[1].message
    assert [
        "London" in transcript.text for transcript in successful([results[0], results[2], results[3]])
    ] == [True] * 3
    assert set(observer.reasons) == {"error"}
    assert max(engine.sizes) == 4


def test_running_out_of_memory_each_time_fails_the_request_and_not_the_worker(
    faulty: FaultyTranscriber, speech: np.ndarray
) -> None:
    transcriber, engine, _ = faulty

    def before(prompts: Sequence[list[int]]) -> None:
        raise RuntimeError("CUDA failed with error out of memory")

    engine.before = before
    with pytest.raises(RequestError) as error:
        run(transcriber, speech, parse({"language": "en"}))
    assert error.value.status == 424
    assert engine.sizes == [1, 1]
    engine.before = lambda prompts: None
    assert "London" in run(transcriber, speech, parse({"language": "en"})).text


def test_a_cancelled_request_removes_its_windows(faulty: FaultyTranscriber, speech: np.ndarray) -> None:
    transcriber, engine, _ = faulty
    engine.open.clear()
    gone = threading.Event()
    body = wav(np.concatenate([speech, np.zeros(32_000, np.int16)] * 5))

    def leave() -> None:
        with pytest.raises(Cancelled):
            transcriber.transcribe(
                io.BytesIO(body),
                parse({}),
                cancelled=gone.is_set,
                on_segments=lambda segments: None,
                longest=600,
            )

    thread = threading.Thread(target=leave)
    thread.start()
    until(lambda: transcriber.waiting >= 4)
    gone.set()
    thread.join(10)
    assert not thread.is_alive()
    assert transcriber.waiting == 0
    engine.open.set()
    assert "London" in run(transcriber, speech, parse({})).text


def test_a_long_file_is_cut_only_as_far_ahead_as_its_share_and_emitted_in_order(
    faulty: FaultyTranscriber, speech: np.ndarray
) -> None:
    transcriber, engine, observer = faulty
    engine.open.clear()
    pause = np.zeros(24_000, np.int16)
    body = wav(np.concatenate([speech[:48_000], pause] * 40))
    emitted: list[Segment] = []
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(
            transcriber.transcribe,
            io.BytesIO(body),
            parse({"language": "en", "beam_size": "1"}),
            cancelled=lambda: False,
            on_segments=emitted.extend,
            longest=600,
        )
        until(lambda: len(observer.windows) >= transcriber.scheduler.ahead)
        # Long enough for a request without a bound to cut more.
        time.sleep(0.3)
        assert len(observer.windows) == transcriber.scheduler.ahead == 32
        engine.open.set()
        transcript = future.result()
    assert emitted == transcript.segments
    assert [a.end <= b.start for a, b in itertools.pairwise(emitted)] == [True] * (len(emitted) - 1)
    assert transcript.text.lower().count("sister") == 40
    assert sum(observer.seconds) == pytest.approx(transcript.duration)
