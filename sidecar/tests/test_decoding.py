from itertools import cycle

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from sidecar.decoding import Decoded, Job, decode, least_bad, repeats
from sidecar.features import FULL, mel
from sidecar.parameters import Parameters

from . import rounding


def decoded(**changes: object) -> Decoded:
    good = {
        "tokens": [1],
        "logprob": -0.2,
        "compression_ratio": 1.3,
        "no_speech_probability": 0.1,
        "capped": False,
        "repeats": 1,
    }
    return Decoded(**{**good, **changes})


def run(transcriber, jobs: list[Job]) -> list[Decoded]:
    return decode(transcriber.engine, jobs, beam_size=5, temperature=0.0)


def encoded(transcriber, samples: np.ndarray, frames: int = 1000) -> np.ndarray:
    return transcriber.engine.encode([mel(FeatureExtractor(), samples, frames)])[0]


def test_what_loops_runs_on_or_is_not_believed_is_doubtful():
    assert not decoded().doubtful
    assert decoded(compression_ratio=2.5).doubtful
    assert decoded(capped=True).doubtful
    assert decoded(logprob=-1.1).doubtful


def test_a_few_tokens_again_and_again_stutter():
    assert [repeats([1, 2, 3]), repeats([7, 5, 5, 5]), repeats([1, 2, 1, 2, 1, 2, 9]), repeats([])] == [1, 3, 3, 0]
    assert not decoded(repeats=4).stutters
    assert decoded(repeats=5).stutters
    assert not decoded(repeats=5, logprob=-1.1, no_speech_probability=0.7).stutters


def test_an_unbelieved_text_over_silence_is_silence():
    silence = decoded(logprob=-1.1, no_speech_probability=0.7)
    assert silence.silent
    assert not silence.doubtful


def test_of_bad_texts_one_that_ended_is_taken_before_one_that_ran_on():
    loop, believed = decoded(compression_ratio=12.0, capped=True, logprob=-0.05), decoded(compression_ratio=2.6)
    assert least_bad([loop, believed]) is believed
    assert least_bad([believed, plain := decoded(logprob=-1.5), loop]) is plain
    assert least_bad([loop]) is loop


def test_a_prompt_longer_than_the_model_takes_is_cut_and_the_window_still_decoded(transcriber, speech: np.ndarray):
    asked = Parameters(initial_prompt="Once upon a time in a far country, " * 200, hotwords="Manchester " * 300)
    job = transcriber.wording(asked).job(encoded(transcriber, speech), "en", 6.4)
    assert run(transcriber, [job])[0].tokens


def test_a_text_at_full_padding_is_as_good(transcriber, speech: np.ndarray):
    wording = transcriber.wording(Parameters())
    found = run(transcriber, [wording.job(encoded(transcriber, speech, FULL), "en", 6.4, careful=True)])[0]
    assert not found.doubtful
    assert "Manchester" in wording.tokenizer("en").decode(found.tokens)


@pytest.fixture(scope="module")
def spoken(transcriber, recordings: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, float]]:
    """By language code: a recording encoded at one length for all, and its seconds."""
    return {
        language: (encoded(transcriber, samples, 850), len(samples) / 16_000)
        for language, samples in recordings.items()
    }


@pytest.fixture(scope="module")
def transcriptions(transcriber, spoken) -> list[tuple[Job, Decoded]]:
    """Each recording's job, and what it comes to alone."""
    wording = transcriber.wording(Parameters())
    return alone(transcriber, [wording.job(one, language, seconds) for language, (one, seconds) in spoken.items()])


def alone(transcriber, jobs: list[Job]) -> list[tuple[Job, Decoded]]:
    return [(job, run(transcriber, [job])[0]) for job in jobs]


def test_speech_in_its_own_language_keeps_its_text_in_a_batch_of_languages_and_tasks(
    transcriber, spoken, transcriptions
):
    wording = transcriber.wording(Parameters(task="translate"))
    jobs = [wording.job(one, language, seconds) for language, (one, seconds) in spoken.items()]
    keep_their_texts(transcriber, transcriptions + alone(transcriber, jobs))


def test_speech_in_its_own_language_keeps_its_text_in_a_batch_of_tasks_and_prompts(transcriber, spoken):
    wordings = [
        transcriber.wording(Parameters(task=task, initial_prompt=prompt))
        for task, prompt in (("transcribe", "A letter."), ("translate", "A recipe."), ("transcribe", "A recipe."))
    ]
    # CTranslate2 takes prompts of one length only.
    assert len({wording.previous_length for wording in wordings}) == 1
    jobs = [
        wording.job(one, language, seconds)
        for wording, (language, (one, seconds)) in zip(cycle(wordings), spoken.items(), strict=False)
    ]
    keep_their_texts(transcriber, alone(transcriber, jobs))


def test_a_loop_changes_no_other_text_of_its_batch(transcriber, spoken, transcriptions):
    loop = transcriber.wording(Parameters()).job(looping(spoken["de"][0]), "de", 8.0)
    found = keep_their_texts(transcriber, transcriptions, beside=loop)
    assert (found.capped, found.doubtful) == (True, True)
    assert len(found.tokens) > 2 * max(len(decoded.tokens) for _, decoded in transcriptions)


def test_a_loop_is_over_its_own_limit_also_where_its_batch_has_a_higher_one(transcriber, spoken):
    wording = transcriber.wording(Parameters())
    loop, longer = wording.job(looping(spoken["de"][0]), "de", 1.0), wording.job(spoken["de"][0], "de", 4.0)
    lone, beside = run(transcriber, [loop])[0], run(transcriber, [longer, loop])[1]
    assert [lone.capped, lone.doubtful, beside.capped, beside.doubtful] == [True] * 4
    assert len(lone.tokens) == loop.limit < len(beside.tokens) == longer.limit


def looping(encoded: np.ndarray) -> np.ndarray:
    """Half a second of speech again and again: the model writes its word until a limit ends it."""
    return np.tile(encoded[20:45], (len(encoded) // 25 + 1, 1))[: len(encoded)]


def keep_their_texts(transcriber, jobs: list[tuple[Job, Decoded]], *, beside: Job | None = None) -> Decoded:
    """In one batch, `beside` among them; returns what the batch's first job comes to."""
    batch = [*([beside] if beside else []), *(job for job, _ in jobs)]
    found = run(transcriber, batch)
    within = rounding.LOGPROB[transcriber.engine.device]
    for one, (_, wanted) in zip(found[len(batch) - len(jobs) :], jobs, strict=True):
        assert not wanted.capped
        assert one.tokens == wanted.tokens
        assert one.logprob == pytest.approx(wanted.logprob, abs=within)
        assert one.no_speech_probability == pytest.approx(wanted.no_speech_probability, abs=within)
    return found[0]
