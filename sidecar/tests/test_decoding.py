import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

from sidecar.decoding import Decoded, Job, decode, least_bad, repeats
from sidecar.features import FULL, mel
from sidecar.parameters import Parameters


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


def test_windows_of_four_languages_two_tasks_and_two_prompts_share_a_batch_and_keep_their_tokens(
    transcriber, speech: np.ndarray
):
    cuts = [(speech, "en"), (speech[: len(speech) // 2], "es"), (speech, "de"), (speech[40_000:], "fr")]
    for prompts in ((None,), ("A letter.", "A recipe.")):
        wordings = [
            transcriber.wording(Parameters(task=task, initial_prompt=prompt))
            for task in ("transcribe", "translate")
            for prompt in prompts
        ]
        # Texts before the start of transcript share a batch where they are equally long.
        assert len({wording.previous_length for wording in wordings}) == 1
        jobs = [
            wording.job(encoded(transcriber, samples), language, len(samples) / 16_000)
            for wording in wordings
            for samples, language in cuts
        ]
        together = [found.tokens for found in run(transcriber, jobs)]
        assert together == [run(transcriber, [job])[0].tokens for job in jobs]
