"""A batch of encoded windows → tokens, and how to recognize a doubtful text."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from faster_whisper.tokenizer import Tokenizer
from tokenizers import Tokenizer as Vocabulary

from ..languages import tokens_per_second
from .engine import POSITIONS, Engine, Generated, Search

CARE_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_MAX_COMPRESSION_RATIO = 2.4
_MIN_LOGPROB = -1.0
_CLEAR_LOGPROB = -0.7
_SILENCE_PROBABILITY = 0.6
_MIN_TOKEN_LIMIT = 24
_MAX_REPEATS = 4
_MAX_REPEATED_LENGTH = 4


@dataclass(frozen=True)
class Job:
    """One window to decode. encoded: [frames, width]. limit: new tokens; a text that needs more is a loop.
    hypotheses: at most so many."""

    encoded: np.ndarray
    prompt: list[int]
    tokenizer: Tokenizer
    limit: int
    hypotheses: int = 1


@dataclass(frozen=True)
class Decoded:
    tokens: list[int]
    text: str
    logprob: float
    compression_ratio: float
    no_speech_probability: float
    capped: bool
    repeats: int

    @property
    def silent(self) -> bool:
        return self.no_speech_probability > _SILENCE_PROBABILITY and self.logprob < _MIN_LOGPROB

    @property
    def looping(self) -> bool:
        return self.capped or self.compression_ratio > _MAX_COMPRESSION_RATIO

    @property
    def doubtful(self) -> bool:
        """A loop, or a text of low probability. Silence is neither."""
        return not self.silent and (self.looping or self.logprob < _MIN_LOGPROB)

    @property
    def clear(self) -> bool:
        return self.logprob > _CLEAR_LOGPROB

    @property
    def stutters(self) -> bool:
        """The text is too short for its compression ratio to show a loop. It can also be what was really
        said."""
        return not self.silent and self.repeats > _MAX_REPEATS


class PromptBuilder:
    """Builds the prompts of one request: its task, and the text that precedes each window."""

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
        self._previous_tokens = _previous_tokens(self.tokenizer("en"), initial_prompt, hotwords)

    @property
    def previous_length(self) -> int:
        """Tokens before the start of transcript. CTranslate2 requires the same number in a whole batch."""
        return len(self._previous_tokens)

    def tokenizer(self, language: str) -> Tokenizer:
        return Tokenizer(self._vocabulary, self._multilingual, task=self._task, language=language)

    def job(
        self,
        encoded: np.ndarray,
        language: str,
        seconds: float,
        *,
        careful: bool = False,
        hypotheses: int = 1,
    ) -> Job:
        """seconds: of audio, without padding. careful: allow as many tokens as the model can hold."""
        tokenizer = self.tokenizer(language)
        prompt = self._previous_tokens + tokenizer.sot_sequence
        allowed = POSITIONS if careful else _MIN_TOKEN_LIMIT + int(seconds * tokens_per_second(language))
        limit = min(allowed, POSITIONS // 2, POSITIONS - len(prompt))
        return Job(encoded, prompt, tokenizer, limit, hypotheses)


def decode(engine: Engine, jobs: Sequence[Job], *, beam_size: int, temperature: float) -> list[list[Decoded]]:
    """The hypotheses of each job, the most probable first. All jobs must have the same encoded length and the
    same prompt length.

    The search runs to the highest limit of the batch. A window that reaches its own limit is doubtful alone
    and in a batch, but its text is longer in the batch. Any other window has the same text alone and in a
    batch. Its probability is the same in int8 on a CPU, where the linear layers sum integers. In floating
    point the order of a sum depends on the size of the batch, so probabilities differ in their last bits
    (tests/rounding.py), and so can the choice between two texts of equal probability.
    """
    search = Search(
        beam_size,
        temperature,
        max(job.limit for job in jobs),
        suppressed(jobs[0].tokenizer),
        max(job.hypotheses for job in jobs),
    )
    results = engine.generate([job.encoded for job in jobs], [job.prompt for job in jobs], search)
    return [
        [_to_decoded(hypothesis, job) for hypothesis in result[: job.hypotheses]]
        for result, job in zip(results, jobs, strict=True)
    ]


def _to_decoded(result: Generated, job: Job) -> Decoded:
    decoded = job.tokenizer.decode(result.tokens).strip()
    text = decoded.encode()
    return Decoded(
        tokens=result.tokens,
        text=decoded,
        logprob=result.logprob,
        compression_ratio=len(text) / len(zlib.compress(text)) if text else 0.0,
        no_speech_probability=result.no_speech_probability,
        capped=len(result.tokens) >= job.limit,
        repeats=repeats([token for token in result.tokens if token < job.tokenizer.eot]),
    )


def repeats(tokens: Sequence[int]) -> int:
    """The most consecutive repetitions of the same few tokens."""
    most = min(1, len(tokens))
    for length in range(1, _MAX_REPEATED_LENGTH + 1):
        run = 0
        for before, after in zip(tokens, tokens[length:], strict=False):
            run = run + 1 if before == after else 0
            most = max(most, 1 + run // length)
    return most


def best_attempt(attempts: Sequence[Decoded]) -> Decoded:
    """The most probable text that is not a loop, or at least one that ended."""
    ended = [decoded for decoded in attempts if not decoded.capped]
    plausible = [decoded for decoded in ended if decoded.compression_ratio <= _MAX_COMPRESSION_RATIO]
    return max(plausible or ended or attempts, key=lambda decoded: decoded.logprob)


def suppressed(tokenizer: Tokenizer) -> tuple[int, ...]:
    """Annotations such as ♪ or (LAUGHS), and tokens that belong only into a prompt."""
    special = (
        tokenizer.transcribe,
        tokenizer.translate,
        tokenizer.sot,
        tokenizer.sot_prev,
        tokenizer.sot_lm,
        tokenizer.no_speech,
    )
    return tuple(sorted({*tokenizer.non_speech_tokens, *(token for token in special if token is not None)}))


def _previous_tokens(tokenizer: Tokenizer, initial_prompt: str | None, hotwords: str | None) -> list[int]:
    """The text that precedes every window: hotwords, then the prompt, at most half of the positions."""
    room = POSITIONS // 2 - 1
    words = tokenizer.encode(" " + hotwords.strip())[:room] if hotwords else []
    prompt = tokenizer.encode(" " + initial_prompt.strip())[-room:] if initial_prompt else []
    previous = (words + prompt)[-room:]
    return [tokenizer.sot_prev, *previous] if previous else []
