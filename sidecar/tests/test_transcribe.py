import io
import re

import numpy as np
import pytest

from sidecar.errors import Cancelled
from sidecar.parameters import parse
from sidecar.segments import Segment
from sidecar.transcribe import Transcriber, Transcript

from .test_audio import wav

TEXT = "my sister lives in london with her family we will meet again in manchester next summer"


def run(transcriber: Transcriber, samples: np.ndarray, **asked: object) -> Transcript:
    told: list[Segment] = []
    transcript = transcriber.transcribe(
        io.BytesIO(wav(samples)), parse(asked), cancelled=lambda: False, emit=told.extend, longest=60
    )
    assert told == transcript.segments
    return transcript


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z]+", text.lower()))


def test_speech_becomes_its_text(transcriber, speech):
    transcript = run(transcriber, speech, language="en")
    assert words(transcript.text) == TEXT
    assert transcript.duration == pytest.approx(6.36, abs=0.01)


def test_the_language_is_found(transcriber, speech):
    transcript = run(transcriber, speech)
    assert transcript.language == "en"
    assert {segment.language for segment in transcript.segments} == {"en"}


def test_silence_has_no_text(transcriber):
    transcript = run(transcriber, np.zeros(5 * 16_000, np.int16))
    assert (transcript.text, transcript.segments, transcript.language) == ("", [], None)


def test_noise_and_a_tone_have_no_words(transcriber):
    rng = np.random.default_rng(1)
    tone = 8000 * np.sin(2 * np.pi * 440 * np.arange(80_000) / 16_000)
    for samples in (rng.normal(0, 300, 80_000), tone):
        assert run(transcriber, samples.astype(np.int16)).text == ""


def test_one_word_is_heard(transcriber, speech):
    heard = [word for segment in run(transcriber, speech, language="en", words=True).segments for word in segment.words]
    said = next(word for word in heard if "Manchester" in word.word)
    clip = speech[int((said.start - 0.2) * 16_000) : int((said.end + 0.2) * 16_000)]
    assert "manchester" in run(transcriber, clip, language="en").text.lower()


def test_a_clip_of_a_few_samples_is_answered(transcriber):
    assert run(transcriber, np.ones(3, np.int16)).text == ""


def test_times_rise_within_the_audio_and_words_lie_in_their_segments(transcriber, speech):
    pause = np.zeros(3 * 16_000, np.int16)
    transcript = run(transcriber, np.concatenate([speech, pause, speech]), language="en", words=True)
    assert words(transcript.text) == f"{TEXT} {TEXT}"
    at = 0.0
    for segment in transcript.segments:
        assert at <= segment.start < segment.end <= transcript.duration
        assert segment.text.startswith(" ")
        assert "".join(word.word for word in segment.words) == segment.text
        assert segment.words[0].start == segment.start
        assert segment.words[-1].end == segment.end
        for word in segment.words:
            assert at <= word.start < word.end
            at = word.end
    heard = [word for segment in transcript.segments for word in segment.words]
    # The second reading begins after the pause, not in it.
    second = next(word for word in heard[1:] if word.word.strip().lower() == "my")
    assert 9.3 <= second.start <= 9.8


def test_a_translation_asks_for_english(transcriber, speech):
    assert "family" in run(transcriber, speech, language="en", task="translate").text.lower()


def test_a_prompt_sets_the_spelling(transcriber, speech):
    prompt = "my brother lives in manchestre. he wrote to me in the morning"
    assert "manchestre" in run(transcriber, speech, language="en", initial_prompt=prompt).text
    assert "Manchester" in run(transcriber, speech, language="en").text


def test_a_client_that_left_is_not_worked_for(transcriber, speech):
    with pytest.raises(Cancelled):
        transcriber.transcribe(
            io.BytesIO(wav(speech)), parse({}), cancelled=lambda: True, emit=lambda segments: None, longest=60
        )
