import numpy as np

from sidecar.decoding import Decoded, Job
from sidecar.features import FULL
from sidecar.parameters import Parameters
from sidecar.windows import Window


def decoded(**changes: object) -> Decoded:
    good = {
        "tokens": [1],
        "logprob": -0.2,
        "compression_ratio": 1.3,
        "no_speech_probability": 0.1,
        "capped": False,
    }
    return Decoded(**{**good, **changes})


def test_what_loops_runs_on_or_is_not_believed_is_doubtful():
    assert not decoded().doubtful
    assert decoded(compression_ratio=2.5).doubtful
    assert decoded(capped=True).doubtful
    assert decoded(logprob=-1.1).doubtful


def test_an_unbelieved_text_over_silence_is_silence():
    silence = decoded(logprob=-1.1, no_speech_probability=0.7)
    assert silence.silent
    assert not silence.doubtful


def test_a_prompt_longer_than_the_model_takes_is_cut_and_the_window_still_decoded(transcriber, speech: np.ndarray):
    asked = Parameters(initial_prompt="Once upon a time in a far country, " * 200, hotwords="Manchester " * 300)
    job = Job(transcriber.encode(speech, Window(0, len(speech), ()), 950), "en", 6.4)
    assert transcriber.decoder(asked).decode([job])[0].tokens


def test_care_ends_with_a_plausible_text_at_full_padding(transcriber, speech: np.ndarray):
    encoded = transcriber.encode(speech, Window(0, len(speech), ()), FULL)
    found = transcriber.decoder(Parameters()).decode_with_care([Job(encoded, "en", 6.4)])[0]
    assert not found.doubtful
    assert "Manchester" in transcriber.decoder(Parameters()).tokenizer("en").decode(found.tokens)


def test_windows_of_several_languages_and_lengths_share_a_batch_and_keep_their_texts(transcriber, speech: np.ndarray):
    decoder = transcriber.decoder(Parameters())
    half = Window(0, len(speech) // 2, ())
    jobs = [
        Job(transcriber.encode(speech, window, 950), language, window.seconds)
        for window, language in ((Window(0, len(speech), ()), "en"), (half, "en"), (half, "de"))
    ]
    together = [found.tokens for found in decoder.decode(jobs)]
    assert together == [decoder.decode([job])[0].tokens for job in jobs]
