from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from sidecar.audio.features import FULL, mel
from sidecar.inference.decoding import Decoded, Job, best_attempt, decode, repeats
from sidecar.inference.parameters import Parameters
from sidecar.inference.transcribe import Transcriber

from . import rounding

GOOD = Decoded(
    tokens=[1],
    text="Yes.",
    logprob=-0.2,
    compression_ratio=1.3,
    no_speech_probability=0.1,
    capped=False,
    repeats=1,
)

Recordings = dict[str, tuple[np.ndarray, float]]
"""By language code: an encoded recording, and its seconds."""


def decoded(**changes: Any) -> Decoded:
    return replace(GOOD, **changes)


def run(transcriber: Transcriber, jobs: list[Job]) -> list[Decoded]:
    return [found[0] for found in decode(transcriber.engine, jobs, beam_size=5, temperature=0.0)]


def encoded(transcriber: Transcriber, samples: np.ndarray, frames: int = 1000) -> np.ndarray:
    return transcriber.engine.encode([mel(FeatureExtractor(), samples, frames)])[0]


def test_a_looping_capped_or_improbable_text_is_doubtful() -> None:
    assert not decoded().doubtful
    assert decoded(compression_ratio=2.5).doubtful
    assert decoded(capped=True).doubtful
    assert decoded(logprob=-1.1).doubtful


def test_a_text_that_repeats_a_few_tokens_stutters() -> None:
    assert [repeats([1, 2, 3]), repeats([7, 5, 5, 5]), repeats([1, 2, 1, 2, 1, 2, 9]), repeats([])] == [
        1,
        3,
        3,
        0,
    ]
    assert not decoded(repeats=4).stutters
    assert decoded(repeats=5).stutters
    assert not decoded(repeats=5, logprob=-1.1, no_speech_probability=0.7).stutters


def test_an_improbable_text_over_silence_counts_as_silence() -> None:
    silence = decoded(logprob=-1.1, no_speech_probability=0.7)
    assert silence.silent
    assert not silence.doubtful


def test_the_best_attempt_is_one_that_ended_before_one_that_was_capped() -> None:
    loop, believed = (
        decoded(compression_ratio=12.0, capped=True, logprob=-0.05),
        decoded(compression_ratio=2.6),
    )
    assert best_attempt([loop, believed]) is believed
    assert best_attempt([believed, plain := decoded(logprob=-1.5), loop]) is plain
    assert best_attempt([loop]) is loop


def test_a_prompt_that_is_too_long_is_truncated(transcriber: Transcriber, speech: np.ndarray) -> None:
    parameters = Parameters(
        initial_prompt="Once upon a time in a far country, " * 200, hotwords="Manchester " * 300
    )
    job = transcriber.prompt_builder(parameters).job(encoded(transcriber, speech), "en", 6.4)
    assert run(transcriber, [job])[0].tokens


def test_a_window_at_full_padding_has_a_good_text(transcriber: Transcriber, speech: np.ndarray) -> None:
    builder = transcriber.prompt_builder(Parameters())
    results = run(transcriber, [builder.job(encoded(transcriber, speech, FULL), "en", 6.4, careful=True)])[0]
    assert not results.doubtful
    assert "Manchester" in builder.tokenizer("en").decode(results.tokens)


@pytest.fixture(scope="module")
def spoken(transcriber: Transcriber, recordings: dict[str, np.ndarray]) -> Recordings:
    """By language code: a recording, encoded at one length for all, and its seconds."""
    return {
        language: (encoded(transcriber, samples, 850), len(samples) / 16_000)
        for language, samples in recordings.items()
    }


@pytest.fixture(scope="module")
def transcriptions(transcriber: Transcriber, spoken: Recordings) -> list[tuple[Job, Decoded]]:
    """Each recording's job, and its result when decoded alone."""
    builder = transcriber.prompt_builder(Parameters())
    return alone(
        transcriber,
        [
            builder.job(encoded_speech, language, seconds)
            for language, (encoded_speech, seconds) in spoken.items()
        ],
    )


def alone(transcriber: Transcriber, jobs: list[Job]) -> list[tuple[Job, Decoded]]:
    return [(job, run(transcriber, [job])[0]) for job in jobs]


def test_a_window_keeps_its_text_in_a_batch_of_several_languages_and_tasks(
    transcriber: Transcriber, spoken: Recordings, transcriptions: list[tuple[Job, Decoded]]
) -> None:
    builder = transcriber.prompt_builder(Parameters(task="translate"))
    jobs = [
        builder.job(encoded_speech, language, seconds)
        for language, (encoded_speech, seconds) in spoken.items()
    ]
    keep_their_texts(transcriber, transcriptions + alone(transcriber, jobs))


def test_a_window_keeps_its_text_in_a_batch_of_several_tasks_and_prompts(
    transcriber: Transcriber, spoken: Recordings
) -> None:
    builders = [
        transcriber.prompt_builder(Parameters(task=task, initial_prompt=prompt))
        for task, prompt in (
            ("transcribe", "A letter."),
            ("translate", "A recipe."),
            ("transcribe", "A recipe."),
        )
    ]
    # CTranslate2 takes only prompts of equal length in one batch.
    assert len({builder.previous_length for builder in builders}) == 1
    jobs = [
        builder.job(encoded_speech, language, seconds)
        for builder, (language, (encoded_speech, seconds)) in zip(
            cycle(builders), spoken.items(), strict=False
        )
    ]
    keep_their_texts(transcriber, alone(transcriber, jobs))


def test_a_loop_does_not_change_other_texts_of_its_batch(
    transcriber: Transcriber, spoken: Recordings, transcriptions: list[tuple[Job, Decoded]]
) -> None:
    loop = transcriber.prompt_builder(Parameters()).job(looping(spoken["de"][0]), "de", 8.0)
    results = keep_their_texts(transcriber, transcriptions, beside=loop)
    assert (results.capped, results.doubtful) == (True, True)
    assert len(results.tokens) > 2 * max(len(decoded.tokens) for _, decoded in transcriptions)


def test_a_loop_is_capped_at_its_own_limit_even_if_its_batch_has_a_higher_one(
    transcriber: Transcriber, spoken: Recordings
) -> None:
    builder = transcriber.prompt_builder(Parameters())
    loop, longer = builder.job(looping(spoken["de"][0]), "de", 1.0), builder.job(spoken["de"][0], "de", 4.0)
    lone, beside = run(transcriber, [loop])[0], run(transcriber, [longer, loop])[1]
    assert [lone.capped, lone.doubtful, beside.capped, beside.doubtful] == [True] * 4
    assert len(lone.tokens) == loop.limit < len(beside.tokens) == longer.limit


def looping(encoded: np.ndarray) -> np.ndarray:
    """Repeats half a second of speech: the model writes its word until a limit stops it."""
    return np.tile(encoded[20:45], (len(encoded) // 25 + 1, 1))[: len(encoded)]


def keep_their_texts(
    transcriber: Transcriber, jobs: list[tuple[Job, Decoded]], *, beside: Job | None = None
) -> Decoded:
    """Decodes all jobs, and `beside`, in one batch. Returns the result of the batch's first job."""
    batch = [*([beside] if beside else []), *(job for job, _ in jobs)]
    results = run(transcriber, batch)
    within = rounding.LOGPROB[transcriber.engine.device]
    for result, (_, expected) in zip(results[len(batch) - len(jobs) :], jobs, strict=True):
        assert not expected.capped
        assert result.tokens == expected.tokens
        assert result.logprob == pytest.approx(expected.logprob, abs=within)
        assert result.no_speech_probability == pytest.approx(expected.no_speech_probability, abs=within)
    return results[0]
