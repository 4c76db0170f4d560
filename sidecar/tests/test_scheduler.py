"""Many requests at once, on the real model; what goes wrong is put in front of it."""

import io
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sidecar.engine import Alignment, Generated, Search
from sidecar.errors import Cancelled, RequestError
from sidecar.features import FULL
from sidecar.parameters import Parameters, parse
from sidecar.segments import Segment, Word
from sidecar.transcribe import Transcriber, Transcript

from . import rounding
from .test_audio import wav

POISON = "A poison."
PROMPT = "A letter."


class Faulty:
    """The real engine, after `before` had a look at what is asked of it."""

    def __init__(self, engine):
        self._engine = engine
        self.device, self.multilingual, self.mel_bins = engine.device, engine.multilingual, engine.mel_bins
        self.compute_type = engine.compute_type
        self.open = threading.Event()
        self.open.set()
        self.before: Callable[[Sequence[list[int]]], None] = lambda prompts: None
        self.sizes: list[int] = []

    def encode(self, mels):
        self.open.wait()
        return self._engine.encode(mels)

    def detect(self, encoded):
        return self._engine.detect(encoded)

    def generate(self, encoded, prompts: Sequence[list[int]], search: Search) -> list[Generated]:
        self.sizes.append(len(prompts))
        self.before(prompts)
        return self._engine.generate(encoded, prompts, search)

    def align(self, encoded, start, tokens, frames) -> list[Alignment]:
        return self._engine.align(encoded, start, tokens, frames)


class Told:
    """An observer that keeps what it hears."""

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

    def again(self, reason: str) -> None:
        self.reasons.append(reason)


@pytest.fixture
def faulty(transcriber, model) -> Iterator[tuple[Transcriber, Faulty, Told]]:
    engine, told = Faulty(transcriber.engine), Told()
    made = Transcriber(engine, model.directory, batch_size=8, workers=1, observer=told)
    yield made, engine, told
    engine.open.set()
    made.close()


def run(transcriber: Transcriber, samples: np.ndarray, asked: Parameters) -> Transcript:
    return transcriber.transcribe(
        io.BytesIO(wav(samples)), asked, cancelled=lambda: False, emit=lambda segments: None, longest=6000
    )


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def together(
    faulty, samples: np.ndarray | Sequence[np.ndarray], asked: Sequence[Parameters]
) -> list[Transcript | Exception]:
    """All windows wait before the first is encoded, so that they share a batch. samples: of each request, or of all."""
    transcriber, engine, _ = faulty
    engine.open.clear()

    def one(own: np.ndarray, parameters: Parameters) -> Transcript | Exception:
        try:
            return run(transcriber, own, parameters)
        except RequestError as error:
            return error

    each = [samples] * len(asked) if isinstance(samples, np.ndarray) else samples
    with ThreadPoolExecutor(len(asked)) as pool:
        found = [pool.submit(one, *pair) for pair in zip(each, asked, strict=True)]
        # One is in the worker's hands already.
        until(lambda: transcriber.waiting == len(asked) - 1)
        engine.open.set()
        return [future.result() for future in found]


def test_requests_at_once_share_batches_and_get_the_texts_they_get_alone(
    faulty, transcriber, recordings: dict[str, np.ndarray], monkeypatch
):
    # One length for all, so that what keeps windows apart are their prompts.
    monkeypatch.setattr("sidecar.transcribe.sizes", lambda device: (850, FULL))
    languages = ("en", "de", "es", "nl", "ja")
    asked = [
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
    alone = [run(transcriber, own, parameters) for own, parameters in zip(samples, asked, strict=True)]
    found = together(faulty, samples, asked)
    assert [transcript.text for transcript in found] == [transcript.text for transcript in alone]
    assert [transcript.language for transcript in found] == list(languages)
    assert max(faulty[1].sizes) == 4
    for one, other in zip(timed(found), timed(alone), strict=True):
        assert one.word == other.word
        assert one.probability == pytest.approx(other.probability, abs=rounding.WORD_PROBABILITY)
        assert (one.start, one.end) == pytest.approx((other.start, other.end), abs=rounding.WORD_TIME)


def timed(found: Sequence[Transcript]) -> list[Word]:
    return [word for transcript in found for segment in transcript.segments for word in segment.words or ()]


def test_a_batch_that_memory_does_not_suffice_for_is_halved(faulty, speech):
    _, engine, told = faulty

    def before(prompts: Sequence[list[int]]) -> None:
        if len(prompts) > 2:
            raise RuntimeError("CUDA failed with error out of memory")

    engine.before = before
    found = together(faulty, speech, [parse({"language": "en"})] * 4)
    assert ["London" in transcript.text for transcript in found] == [True] * 4
    assert engine.sizes[:3] == [4, 2, 2]
    assert told.reasons == ["memory"]


def test_a_window_that_always_fails_fails_alone(faulty, transcriber, speech):
    _, engine, told = faulty
    poison = transcriber.wording(parse({"initial_prompt": POISON})).job(np.zeros(0), "en", 1.0).prompt

    def before(prompts: Sequence[list[int]]) -> None:
        if poison in prompts:
            raise ValueError("cannot take this one")

    engine.before = before
    found = together(
        faulty, speech, [parse({"language": "en", "initial_prompt": p}) for p in (PROMPT, POISON, PROMPT, PROMPT)]
    )
    assert isinstance(found[1], RequestError)
    assert (found[1].status, found[1].error_type) == (424, "generation")
    assert "cannot take this one" in found[1].message
    assert ["London" in one.text for one in (found[0], found[2], found[3])] == [True] * 3
    assert set(told.reasons) == {"error"}
    assert max(engine.sizes) == 4


def test_memory_that_never_suffices_fails_the_request_and_not_the_worker(faulty, speech):
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


def test_a_request_whose_client_left_takes_its_windows_along(faulty, speech):
    transcriber, engine, _ = faulty
    engine.open.clear()
    gone = threading.Event()
    body = wav(np.concatenate([speech, np.zeros(32_000, np.int16)] * 5))

    def leave() -> None:
        with pytest.raises(Cancelled):
            transcriber.transcribe(
                io.BytesIO(body), parse({}), cancelled=gone.is_set, emit=lambda segments: None, longest=600
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


def test_a_long_file_is_cut_no_further_ahead_than_its_share_and_told_in_order(faulty, speech):
    transcriber, engine, told = faulty
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
            emit=emitted.extend,
            longest=600,
        )
        until(lambda: len(told.windows) >= transcriber.scheduler.ahead)
        # Long enough for a request that knew no bound to cut more.
        time.sleep(0.3)
        assert len(told.windows) == transcriber.scheduler.ahead == 32
        engine.open.set()
        transcript = future.result()
    assert emitted == transcript.segments
    assert [a.end <= b.start for a, b in itertools.pairwise(emitted)] == [True] * (len(emitted) - 1)
    assert transcript.text.lower().count("sister") == 40
    assert sum(told.seconds) == pytest.approx(transcript.duration)
