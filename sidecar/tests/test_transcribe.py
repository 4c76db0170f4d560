import io
import re
from dataclasses import replace
from difflib import SequenceMatcher

import numpy as np
import pytest

from sidecar import windows
from sidecar.errors import Cancelled
from sidecar.features import FULL, padded, sizes
from sidecar.parameters import parse
from sidecar.segments import Segment
from sidecar.transcribe import Transcriber, Transcript
from sidecar.vad import Detector

from .test_audio import wav

TEXT = "my sister lives in london with her family we will meet again in manchester next summer"

UNBROKEN_TEXT = (
    "on monday morning the farmer walked down to the river with his oldest dog and a basket of bread and cheese "
    "because the weather was warm and the harvest was over and nobody in the village had anything better to do than "
    "to sit under the trees and talk about the price of wheat until the bells rang for lunch and the children came "
    "running home from school with wet shoes and muddy hands to ask for soup and stories and a place beside the fire "
    "where the old cat was already asleep"
)


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


def test_noise_a_tone_and_music_have_no_words(transcriber):
    rng = np.random.default_rng(1)
    tone = 8000 * np.sin(2 * np.pi * 440 * np.arange(80_000) / 16_000)
    for samples in (rng.normal(0, 300, 80_000), tone, _music(rng)):
        assert run(transcriber, samples.astype(np.int16)).text == ""


def _music(rng: np.random.Generator) -> np.ndarray:
    """20 s of plucked strings: four chords, arpeggiated over a bass, with a drum of noise on the beat."""
    beat = 8_000
    mix = np.zeros(20 * 16_000 + 2 * beat)
    for number in range(40):
        chord = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))[number // 4 % 4]
        at = number * beat
        for note, level in ((chord[number % 3] + 12, 1.0), (chord[0] - 12, 0.8)):
            period = round(16_000 / (440 * 2 ** ((note - 69) / 12)))
            string = rng.uniform(-1, 1, period)
            for start in range(at, at + 2 * beat - period, period):
                mix[start : start + period] += level * string
                string = 0.496 * (string + np.roll(string, 1))
        mix[at : at + 800] += rng.normal(0, 0.4, 800) * np.linspace(1, 0, 800)
    return 20_000 * mix / np.abs(mix).max()


def test_one_word_is_heard(transcriber, speech):
    heard = [word for segment in run(transcriber, speech, language="en", words=True).segments for word in segment.words]
    said = next(word for word in heard if "Manchester" in word.word)
    clip = speech[int((said.start - 0.2) * 16_000) : int((said.end + 0.2) * 16_000)]
    assert "manchester" in run(transcriber, clip, language="en").text.lower()


def test_a_word_that_a_short_window_makes_a_loop_of_is_heard_at_the_full_30_s(transcriber, speech, monkeypatch):
    generate = transcriber.engine.generate
    looks = []

    def stutter(encoded, prompts, search):
        looks.append(len(encoded[0]))
        found = generate(encoded, prompts, search)
        word = transcriber.wording(parse({})).tokenizer("en").encode(" no")
        return found if len(looks) > 1 else [replace(found[0], tokens=word * 8)]

    monkeypatch.setattr(transcriber.engine, "generate", stutter)
    assert words(run(transcriber, speech[: 3 * 16_000], language="en").text).startswith("my sister lives in london")
    assert looks == [padded(3, sizes(transcriber.engine.device)) // 2, FULL // 2]


def test_half_a_minute_without_a_pause_is_whole(transcriber, unbroken):
    assert _missed(run(transcriber, unbroken, language="en").text) <= 0.1


def test_a_window_as_long_as_the_model_takes_is_whole(transcriber, unbroken, monkeypatch):
    monkeypatch.setattr(Detector, "_listen", lambda self, frames, first: np.ones(len(frames) - first, np.float32))
    monkeypatch.setattr(windows, "USUAL", windows.LONGEST)
    assert _missed(run(transcriber, unbroken, language="en").text) <= 0.15


def _missed(text: str) -> float:
    said = UNBROKEN_TEXT.split()
    same = SequenceMatcher(None, said, words(text).split(), autojunk=False).get_matching_blocks()
    return 1 - sum(block.size for block in same) / len(said)


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
