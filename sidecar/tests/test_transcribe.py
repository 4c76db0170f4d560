import io
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from difflib import SequenceMatcher

import numpy as np
import pytest

from sidecar.audio import windows
from sidecar.audio.features import FULL
from sidecar.audio.vad import Detector
from sidecar.errors import Cancelled
from sidecar.http.parameters import parse
from sidecar.inference.engine import Generated, Search
from sidecar.inference.padding import FRAMES_PER_POSITION, positions, sizes
from sidecar.inference.quality import BALANCED
from sidecar.inference.segments import Segment, Word
from sidecar.inference.transcribe import Transcriber
from sidecar.inference.transcript import Transcript

from .test_decoder import wav
from .test_level import at_peak

TEXT = "my sister lives in london with her family we will meet again in manchester next summer"

CLEAR = ("de", "en", "es", "ja", "nl")
"""The recordings whose language the model is sure of. It takes the French one for Spanish."""

UNBROKEN_TEXT = (
    "on monday morning the farmer walked down to the river with his oldest dog and a basket of bread and "
    "cheese because the weather was warm and the harvest was over and nobody in the village had anything "
    "better to do than to sit under the trees and talk about the price of wheat until the bells rang for "
    "lunch and the children came running home from school with wet shoes and muddy hands to ask for soup "
    "and stories and a place beside the fire where the old cat was already asleep"
)


def run(transcriber: Transcriber, samples: np.ndarray, **parameters: object) -> Transcript:
    emitted: list[Segment] = []
    transcript = transcriber.transcribe(
        io.BytesIO(wav(samples)),
        parse(parameters),
        cancelled=lambda: False,
        on_segments=emitted.extend,
        longest=60,
    )
    assert emitted == transcript.segments
    return transcript


def words_of(segment: Segment) -> tuple[Word, ...]:
    assert segment.words is not None
    return segment.words


def all_words(transcript: Transcript) -> list[Word]:
    return [word for segment in transcript.segments for word in words_of(segment)]


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z]+", text.lower()))


def test_speech_is_transcribed(transcriber: Transcriber, speech: np.ndarray) -> None:
    transcript = run(transcriber, speech, language="en")
    assert words(transcript.text) == TEXT
    assert transcript.duration == pytest.approx(6.36, abs=0.01)


def test_the_language_is_detected(transcriber: Transcriber, speech: np.ndarray) -> None:
    transcript = run(transcriber, speech)
    assert transcript.language == "en"
    assert {segment.language for segment in transcript.segments} == {"en"}


def test_cantonese_is_decoded_as_chinese_by_a_model_without_its_token(
    transcriber: Transcriber, speech: np.ndarray
) -> None:
    assert "yue" not in transcriber.languages
    transcript = run(transcriber, speech, language="yue")
    assert transcript.language == "zh"
    assert transcript.segments == run(transcriber, speech, language="zh").segments


def test_only_candidate_languages_are_detected(
    transcriber: Transcriber, recordings: dict[str, np.ndarray]
) -> None:
    assert run(transcriber, recordings["fr"]).language != "fr"
    for code, candidates in (("fr", "en,fr"), ("de", "fr,de,yue")):
        transcript = run(transcriber, recordings[code], languages=candidates)
        assert {segment.language for segment in transcript.segments} == {code}
        assert transcript.spoken is not None
        assert transcript.spoken.code == code
    assert run(transcriber, recordings["de"], languages="yue").language == "zh"


def test_the_spoken_language_is_detected_beside_the_requested_one(
    transcriber: Transcriber, recordings: dict[str, np.ndarray]
) -> None:
    for code in CLEAR:
        for requested in ("en", "fr", "auto"):
            spoken = run(transcriber, recordings[code], language=requested).spoken
            assert spoken is not None
            assert (spoken.code, spoken.probability > 0.7) == (code, True)


def test_a_single_word_gets_a_low_probability_of_its_language(
    transcriber: Transcriber, recordings: dict[str, np.ndarray]
) -> None:
    sentence = recordings["de"]
    word = run(transcriber, sentence[:16_000], language="de").spoken
    assert word is not None
    assert word.probability < 0.7


def test_clear_speech_in_another_language_overrides_a_hint(
    transcriber: Transcriber, recordings: dict[str, np.ndarray]
) -> None:
    for code in CLEAR:
        hint = "en" if code != "en" else "de"
        assert run(transcriber, recordings[code], language=hint, language_hint=True).language == code


def test_a_single_word_is_in_the_language_of_the_hint(transcriber: Transcriber, speech: np.ndarray) -> None:
    for hint in ("en", "nl"):
        assert run(transcriber, speech[:9_000], language=hint, language_hint=True).language == hint


def test_silence_has_no_text(transcriber: Transcriber) -> None:
    transcript = run(transcriber, np.zeros(5 * 16_000, np.int16))
    assert (transcript.text, transcript.segments, transcript.language) == ("", [], None)
    assert transcript.spoken is None


def test_noise_a_tone_and_music_have_no_words(transcriber: Transcriber) -> None:
    rng = np.random.default_rng(1)
    tone = 8000 * np.sin(2 * np.pi * 440 * np.arange(80_000) / 16_000)
    for samples in (rng.normal(0, 300, 80_000), tone, music(rng)):
        assert run(transcriber, samples.astype(np.int16)).text == ""


@pytest.mark.parametrize("decibels", [-42, -60])
def test_a_quiet_recording_has_the_words_of_the_loud_one(
    transcriber: Transcriber, speech: np.ndarray, decibels: float
) -> None:
    assert words(run(transcriber, at_peak(speech, decibels), language="en").text) == TEXT


def test_quiet_noise_has_no_words(transcriber: Transcriber) -> None:
    rng = np.random.default_rng(1)
    for decibels in (-60, -70, -80):
        for language in ("auto", "en"):
            noise = at_peak(rng.normal(size=160_000), decibels)
            assert run(transcriber, noise, language=language).text == ""


def music(rng: np.random.Generator) -> np.ndarray:
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
    music: np.ndarray = 20_000 * mix / np.abs(mix).max()
    return music


def test_a_single_word_is_transcribed(transcriber: Transcriber, speech: np.ndarray) -> None:
    found_words = [
        word
        for segment in run(transcriber, speech, language="en", words=True).segments
        for word in words_of(segment)
    ]
    manchester = next(word for word in found_words if "Manchester" in word.word)
    clip = speech[int((manchester.start - 0.2) * 16_000) : int((manchester.end + 0.2) * 16_000)]
    assert "manchester" in run(transcriber, clip, language="en").text.lower()


def test_a_short_window_that_loops_is_decoded_again_at_30_s(
    transcriber: Transcriber, speech: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate = transcriber.engine.generate
    lengths: list[int] = []

    def stutter(
        encoded: Sequence[np.ndarray], prompts: Sequence[list[int]], search: Search
    ) -> list[list[Generated]]:
        lengths.append(len(encoded[0]))
        results = generate(encoded, prompts, search)
        word = transcriber.prompt_builder(parse({})).tokenizer("en").encode(" no")
        return results if len(lengths) > 1 else [[replace(results[0][0], tokens=word * 8)]]

    monkeypatch.setattr(transcriber.engine, "generate", stutter)
    assert words(run(transcriber, speech[: 3 * 16_000], language="en").text).startswith(
        "my sister lives in london"
    )
    frames = BALANCED.padding.frames(3, sizes(transcriber.engine.device))
    assert lengths == [positions(frames), FULL // FRAMES_PER_POSITION]


@pytest.mark.parametrize(
    ("repeats", "temperatures"), [(1, [0.0, 0.0]), (40, [0.0, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0])]
)
def test_only_a_loop_is_decoded_at_higher_temperatures(
    transcriber: Transcriber,
    speech: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    repeats: int,
    temperatures: list[float],
) -> None:
    used: list[float] = []

    def improbable(
        encoded: Sequence[np.ndarray], prompts: Sequence[list[int]], search: Search
    ) -> list[list[Generated]]:
        used.append(search.temperature)
        word = transcriber.prompt_builder(parse({})).tokenizer("en").encode(" no")
        return [[Generated(word * repeats, logprob=-1.5, no_speech_probability=0.0)]]

    monkeypatch.setattr(transcriber.engine, "generate", improbable)
    run(transcriber, speech[: 3 * 16_000], language="en")
    assert used == temperatures


def test_a_repeated_sentence_that_the_text_leaves_out_is_found(
    transcriber: Transcriber, recordings: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = recordings["en"]
    twice = np.concatenate([sentence, np.zeros(8_000, np.int16), sentence])
    once = run(transcriber, sentence, language="en").text
    generate = transcriber.engine.generate
    calls: list[int] = []

    def leave_out(
        encoded: Sequence[np.ndarray], prompts: Sequence[list[int]], search: Search
    ) -> list[list[Generated]]:
        calls.append(len(encoded))
        results = generate(encoded, prompts, search)
        tokens = transcriber.prompt_builder(parse({})).tokenizer("en").encode(once)
        return results if len(calls) > 1 else [[replace(results[0][0], tokens=tokens)]]

    monkeypatch.setattr(transcriber.engine, "generate", leave_out)
    transcript = run(transcriber, twice, language="en", words=True)
    assert words(transcript.text) == f"{words(once)} {words(once)}"
    assert transcript.segments[1].start > len(sentence) / 16_000


def test_half_a_minute_without_a_pause_is_transcribed_completely(
    transcriber: Transcriber, unbroken: np.ndarray
) -> None:
    assert _missing_share(run(transcriber, unbroken, language="en").text) <= 0.1


def test_a_window_of_the_maximum_length_is_transcribed_completely(
    transcriber: Transcriber, unbroken: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Detector, "_infer", lambda self, frames, first: np.ones(len(frames) - first, np.float32)
    )
    monkeypatch.setattr(windows, "USUAL", windows.LONGEST)
    assert _missing_share(run(transcriber, unbroken, language="en").text) <= 0.15


def _missing_share(text: str) -> float:
    expected = UNBROKEN_TEXT.split()
    same = SequenceMatcher(None, expected, words(text).split(), autojunk=False).get_matching_blocks()
    return 1 - sum(block.size for block in same) / len(expected)


@pytest.mark.parametrize("pause", [0.3, 0.9])
@pytest.mark.parametrize("code", ["de", "nl"])
def test_a_sentence_that_is_played_six_times_is_written_six_times(
    transcriber: Transcriber, recordings: dict[str, np.ndarray], code: str, pause: float
) -> None:
    sentence = recordings[code]
    once = len(run(transcriber, sentence, language=code).text.split())
    silence = np.zeros(int(pause * 16_000), np.int16)
    six = run(transcriber, np.concatenate([sentence, silence] * 6), language=code)
    assert abs(len(six.text.split()) - 6 * once) <= 3


def test_a_clip_of_a_few_samples_has_an_empty_text(transcriber: Transcriber) -> None:
    assert run(transcriber, np.ones(3, np.int16)).text == ""


def test_times_rise_and_words_lie_within_their_segments(transcriber: Transcriber, speech: np.ndarray) -> None:
    pause = np.zeros(3 * 16_000, np.int16)
    transcript = run(transcriber, np.concatenate([speech, pause, speech]), language="en", words=True)
    assert words(transcript.text) == f"{TEXT} {TEXT}"
    at = 0.0
    for segment in transcript.segments:
        assert at <= segment.start < segment.end <= transcript.duration
        assert segment.text.startswith(" ")
        assert "".join(word.word for word in words_of(segment)) == segment.text
        assert words_of(segment)[0].start == segment.start
        assert words_of(segment)[-1].end == segment.end
        for word in words_of(segment):
            assert at <= word.start < word.end
            at = word.end
    found_words = all_words(transcript)
    # The second sentence begins after the pause, not in it.
    second = next(word for word in found_words[1:] if word.word.strip().lower() == "my")
    assert 9.3 <= second.start <= 9.8


def test_a_translation_is_in_english(transcriber: Transcriber, speech: np.ndarray) -> None:
    assert "family" in run(transcriber, speech, language="en", task="translate").text.lower()


def test_a_prompt_sets_the_spelling(transcriber: Transcriber, speech: np.ndarray) -> None:
    prompt = "my brother lives in manchestre. he wrote to me in the morning"
    assert "manchestre" in run(transcriber, speech, language="en", initial_prompt=prompt).text
    assert "Manchester" in run(transcriber, speech, language="en").text


def test_a_hotword_sets_the_spelling(transcriber: Transcriber, speech: np.ndarray) -> None:
    assert "Man-Chester" in run(transcriber, speech, language="en", hotwords="Man-Chester, ComfyUI").text


def test_hotwords_that_are_not_heard_change_nothing(
    transcriber: Transcriber, recordings: dict[str, np.ndarray]
) -> None:
    hotwords = "ComfyUI, Kubernetes, Grafana, PostgreSQL, Terraform"
    for language in ("de", "es"):
        plain, hinted = (
            run(transcriber, recordings[language], language=language, **options)
            for options in ({}, {"hotwords": hotwords})
        )
        assert hinted.segments == plain.segments


def test_a_cancelled_request_is_not_transcribed(transcriber: Transcriber, speech: np.ndarray) -> None:
    with pytest.raises(Cancelled):
        transcriber.transcribe(
            io.BytesIO(wav(speech)),
            parse({}),
            cancelled=lambda: True,
            on_segments=lambda segments: None,
            longest=60,
        )


def test_requests_of_different_quality_can_run_at_once(transcriber: Transcriber, speech: np.ndarray) -> None:
    qualities = ["fast", "balanced", "best"]
    with ThreadPoolExecutor() as pool:
        found = list(
            pool.map(lambda quality: run(transcriber, speech, language="en", quality=quality), qualities)
        )
    assert [words(transcript.text) for transcript in found] == [TEXT] * 3


def test_best_takes_the_text_and_its_times_from_the_pass_with_real_words(
    transcriber: Transcriber, speech: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run(transcriber, speech, language="en", words=True)
    generate = transcriber.engine.generate
    calls: list[int] = []

    def misspell(
        encoded: Sequence[np.ndarray], prompts: Sequence[list[int]], search: Search
    ) -> list[list[Generated]]:
        calls.append(search.hypotheses)
        results = generate(encoded, prompts, search)
        tokenizer = transcriber.prompt_builder(parse({})).tokenizer("en")
        spelled = tokenizer.encode(" My sistor livs in Lundon with hur famly. We wil meat in Manchestor.")
        return results if len(calls) > 1 else [[replace(results[0][0], tokens=spelled, logprob=-0.3)]]

    monkeypatch.setattr(transcriber.engine, "generate", misspell)
    found = run(transcriber, speech, language="en", words=True, quality="best")
    assert calls == [3, 3]
    assert words(found.text) == words(expected.text)
    pairs = zip(all_words(found), all_words(expected), strict=True)
    assert max(abs(one.start - other.start) for one, other in pairs) < 0.1
