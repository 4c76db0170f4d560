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
_MOST_REPEATS = 4
_LONGEST_REPEATED = 4


@dataclass(frozen=True)
class Job:
    """One window to decode. encoded: [frames, width]; limit: new tokens, more of which are a loop."""

    encoded: np.ndarray
    prompt: list[int]
    tokenizer: Tokenizer
    limit: int


@dataclass(frozen=True)
class Decoded:
    tokens: list[int]
    logprob: float
    compression_ratio: float
    no_speech_probability: float
    capped: bool
    repeats: int

    @property
    def silent(self) -> bool:
        return self.no_speech_probability > _SILENCE and self.logprob < _LEAST_LOGPROB

    @property
    def doubtful(self) -> bool:
        """A loop, or a text that the model itself does not believe; silence is neither."""
        if self.silent:
            return False
        return self.capped or self.compression_ratio > _MOST_COMPRESSED or self.logprob < _LEAST_LOGPROB

    @property
    def stutters(self) -> bool:
        """A text too short for its compression ratio to tell a loop; someone may really have said it."""
        return not self.silent and self.repeats > _MOST_REPEATS


class Wording:
    """What a request's decoding goes by: its task, and the text that is said to come before."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        multilingual: bool,
        task: str,
        initial_prompt: str | None = None,
        hotwords: str | None = None,
    ):
        self._vocabulary = vocabulary
        self._multilingual = multilingual
        self._task = task
        self._previous = _previous(self.tokenizer("en"), initial_prompt, hotwords)

    @property
    def previous_length(self) -> int:
        """Tokens before the start of transcript: the batches of CTranslate2 know one place for it."""
        return len(self._previous)

    def tokenizer(self, language: str) -> Tokenizer:
        return Tokenizer(self._vocabulary, self._multilingual, task=self._task, language=language)

    def job(self, encoded: np.ndarray, language: str, seconds: float, *, careful: bool = False) -> Job:
        """seconds: of audio, padding aside; careful: the text may be as long as the model can make it."""
        tokenizer = self.tokenizer(language)
        prompt = self._previous + tokenizer.sot_sequence
        fits = POSITIONS if careful else _FEWEST_TOKENS + int(seconds * tokens_per_second(language))
        return Job(encoded, prompt, tokenizer, min(fits, POSITIONS // 2, POSITIONS - len(prompt)))


def decode(engine: Engine, jobs: Sequence[Job], *, beam_size: int, temperature: float) -> list[Decoded]:
    """The jobs' encoded lengths and the lengths of their prompts are equal.

    The search goes on to the highest limit of the batch. A window that reaches its own limit is doubtful alone and in
    a batch, but its text is longer in the batch. Any other window has the text that it has alone, with the same
    probability in int8 on a CPU, where the linear layers sum integers; in floating point the order of a sum depends on
    the size of the batch, so probabilities differ in their last bits (tests/rounding.py), and a choice between two
    texts of equal probability can too.
    """
    search = Search(beam_size, temperature, max(job.limit for job in jobs), suppressed(jobs[0].tokenizer))
    results = engine.generate([job.encoded for job in jobs], [job.prompt for job in jobs], search)
    return [_judged(result, job) for result, job in zip(results, jobs, strict=True)]


def _judged(result: Generated, job: Job) -> Decoded:
    text = job.tokenizer.decode(result.tokens).strip().encode()
    return Decoded(
        tokens=result.tokens,
        logprob=result.logprob,
        compression_ratio=len(text) / len(zlib.compress(text)) if text else 0.0,
        no_speech_probability=result.no_speech_probability,
        capped=len(result.tokens) >= job.limit,
        repeats=repeats([token for token in result.tokens if token < job.tokenizer.eot]),
    )


def repeats(tokens: Sequence[int]) -> int:
    """How often at most the same few tokens follow on themselves."""
    most = min(1, len(tokens))
    for length in range(1, _LONGEST_REPEATED + 1):
        run = 0
        for before, after in zip(tokens, tokens[length:], strict=False):
            run = run + 1 if before == after else 0
            most = max(most, 1 + run // length)
    return most


def least_bad(tries: Sequence[Decoded]) -> Decoded:
    """The most probable text that is no loop, or at least came to an end."""
    ended = [found for found in tries if not found.capped]
    plausible = [found for found in ended if found.compression_ratio <= _MOST_COMPRESSED]
    return max(plausible or ended or tries, key=lambda found: found.logprob)


def suppressed(tokenizer: Tokenizer) -> tuple[int, ...]:
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
