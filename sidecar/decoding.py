"""A batch of encoded windows → tokens, with a second look at what seems wrong."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from faster_whisper.tokenizer import Tokenizer
from tokenizers import Tokenizer as Vocabulary

from .engine import POSITIONS, Engine, Generated, Search
from .languages import tokens_per_second

CARE_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_MOST_COMPRESSED = 2.4
_LEAST_LOGPROB = -1.0
_SILENCE = 0.6
_FEWEST_TOKENS = 24


@dataclass(frozen=True)
class Job:
    """One window to decode. encoded: [frames, width]; seconds: of audio, padding aside."""

    encoded: np.ndarray
    language: str
    seconds: float


@dataclass(frozen=True)
class Decoded:
    tokens: list[int]
    logprob: float
    compression_ratio: float
    no_speech_probability: float
    capped: bool

    @property
    def silent(self) -> bool:
        return self.no_speech_probability > _SILENCE and self.logprob < _LEAST_LOGPROB

    @property
    def doubtful(self) -> bool:
        """A loop, or a text that the model itself does not believe; silence is neither."""
        if self.silent:
            return False
        return self.capped or self.compression_ratio > _MOST_COMPRESSED or self.logprob < _LEAST_LOGPROB


class Decoder:
    """One request's decoding: its task, prompt and beam on an engine."""

    def __init__(
        self,
        engine: Engine,
        vocabulary: Vocabulary,
        *,
        task: str,
        beam_size: int,
        initial_prompt: str | None,
        hotwords: str | None,
    ):
        self._engine = engine
        self._vocabulary = vocabulary
        self._task = task
        self._beam_size = beam_size
        any_language = self.tokenizer("en")
        self._suppressed = _suppressed(any_language)
        self._previous = _previous(any_language, initial_prompt, hotwords)

    def tokenizer(self, language: str) -> Tokenizer:
        return Tokenizer(self._vocabulary, self._engine.multilingual, task=self._task, language=language)

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        """Once, by beam search, each batch's texts capped by what its audio can hold."""
        caps = [_FEWEST_TOKENS + int(job.seconds * tokens_per_second(job.language)) for job in jobs]
        return self._run(jobs, temperature=0.0, limit=max(caps))

    def decode_with_care(self, jobs: Sequence[Job]) -> list[Decoded]:
        """At rising temperatures until the text is plausible; else the most probable one that is no loop."""
        tries: list[list[Decoded]] = [[] for _ in jobs]
        for temperature in CARE_TEMPERATURES:
            open_ones = [i for i, found in enumerate(tries) if not found or found[-1].doubtful]
            if not open_ones:
                break
            found = self._run([jobs[i] for i in open_ones], temperature=temperature, limit=POSITIONS)
            for i, decoded in zip(open_ones, found, strict=True):
                tries[i].append(decoded)
        return [found[-1] if not found[-1].doubtful else _least_bad(found) for found in tries]

    def _run(self, jobs: Sequence[Job], *, temperature: float, limit: int) -> list[Decoded]:
        prompts = [self._previous + self.tokenizer(job.language).sot_sequence for job in jobs]
        limit = min(limit, POSITIONS // 2, POSITIONS - len(prompts[0]))
        search = Search(self._beam_size, temperature, limit, self._suppressed)
        results = self._engine.generate([job.encoded for job in jobs], prompts, search)
        return [self._judged(result, job, limit) for result, job in zip(results, jobs, strict=True)]

    def _judged(self, result: Generated, job: Job, limit: int) -> Decoded:
        text = self.tokenizer(job.language).decode(result.tokens).strip().encode()
        return Decoded(
            tokens=result.tokens,
            logprob=result.logprob,
            compression_ratio=len(text) / len(zlib.compress(text)) if text else 0.0,
            no_speech_probability=result.no_speech_probability,
            capped=len(result.tokens) >= limit,
        )


def _least_bad(tries: Sequence[Decoded]) -> Decoded:
    plausible = [found for found in tries if found.compression_ratio <= _MOST_COMPRESSED and not found.capped]
    return max(plausible or tries, key=lambda found: found.logprob)


def _suppressed(tokenizer: Tokenizer) -> tuple[int, ...]:
    """Annotations such as ♪ or (LAUGHS), and tokens that only a prompt may hold."""
    special = (
        tokenizer.transcribe,
        tokenizer.translate,
        tokenizer.sot,
        tokenizer.sot_prev,
        tokenizer.sot_lm,
        tokenizer.no_speech,
    )
    return tuple(sorted({*tokenizer.non_speech_tokens, *(token for token in special if token is not None)}))


def _previous(tokenizer: Tokenizer, initial_prompt: str | None, hotwords: str | None) -> list[int]:
    """The text that is said to come before every window: hotwords, then the prompt, at most half the positions."""
    room = POSITIONS // 2 - 1
    words = tokenizer.encode(" " + hotwords.strip())[:room] if hotwords else []
    prompt = tokenizer.encode(" " + initial_prompt.strip())[-room:] if initial_prompt else []
    previous = (words + prompt)[-room:]
    return [tokenizer.sot_prev, *previous] if previous else []
