import numpy as np

from sidecar.audio.vad import Speech
from sidecar.audio.windows import Window
from sidecar.inference.segments import TimedText, parted, remainder_of, spoken_bounds, timed_texts
from sidecar.inference.transcribe import Transcriber

RATE = 16_000
WINDOW = Window(
    10 * RATE, 20 * RATE, (Speech(10 * RATE + 3200, 14 * RATE), Speech(15 * RATE, 20 * RATE - 3200))
)

SILENCE = np.zeros(10 * RATE, np.int16)


def test_tokens_are_split_at_timestamps(transcriber: Transcriber) -> None:
    from sidecar.inference.parameters import Parameters

    tokenizer = transcriber.prompt_builder(Parameters()).tokenizer("en")
    zero = tokenizer.timestamp_begin
    one, two = tokenizer.encode(" one"), tokenizer.encode(" two")
    assert timed_texts([zero, *one, zero + 50, zero + 60, *two], tokenizer) == [
        TimedText(0.0, 1.0, one),
        TimedText(1.2, None, two),
    ]
    assert timed_texts([zero, zero + 50, tokenizer.eot], tokenizer) == []


def test_a_segment_is_trimmed_to_speech_and_stays_in_its_window() -> None:
    assert spoken_bounds(TimedText(0, 4.5, []), WINDOW, after=0) == (10.2, 14.0)
    assert spoken_bounds(TimedText(4.5, None, []), WINDOW, after=0) == (15.0, 19.8)
    start, end = spoken_bounds(TimedText(25, 28, []), WINDOW, after=19.0)
    assert 19.0 <= start < end <= 20.0


def test_a_segment_begins_after_the_previous_one_ends() -> None:
    assert spoken_bounds(TimedText(0, 2, []), WINDOW, after=11.0)[0] == 11.0


def test_speech_after_the_last_timestamp_is_a_remainder() -> None:
    rest = remainder_of(WINDOW, [TimedText(0, 4.2, [1])], min_seconds=1.0)
    assert rest is not None
    assert (rest.start, rest.end) == (15 * RATE - 3200, 20 * RATE)
    assert remainder_of(WINDOW, [TimedText(0, 9.2, [1])], min_seconds=1.0) is None
    assert remainder_of(WINDOW, [TimedText(0, None, [1])], min_seconds=1.0) is None


def test_a_window_whose_text_is_too_short_for_its_speech_is_parted_at_its_longest_pause() -> None:
    parts = parted(WINDOW, [TimedText(0, 9.8, [1] * 9)], "en", SILENCE)
    assert parts is not None
    middle = int(14.5 * RATE)
    assert [(part.start, part.end, part.speech) for part in parts] == [
        (10 * RATE, middle, WINDOW.speech[:1]),
        (middle, 20 * RATE, WINDOW.speech[1:]),
    ]
    assert parted(WINDOW, [TimedText(0, 9.8, [1] * 25)], "en", SILENCE) is None
    assert parted(WINDOW, [TimedText(0, 4, [1] * 4), TimedText(5, 9.8, [1] * 5)], "en", SILENCE) is None
    unbroken = Window(10 * RATE, 20 * RATE, (Speech(10 * RATE, 20 * RATE),))
    assert parted(unbroken, [TimedText(0, 9.8, [1] * 9)], "en", SILENCE) is None


def test_a_window_with_more_copies_of_a_sound_than_texts_is_parted_after_the_first() -> None:
    sound = np.random.default_rng(0).normal(0, 2000, 40).repeat(RATE // 10)
    silence = np.zeros(RATE)
    samples = np.concatenate([sound, silence, sound, silence]).astype(np.int16)
    second = Speech(15 * RATE, 19 * RATE)
    window = Window(10 * RATE, 20 * RATE, (Speech(10 * RATE, 14 * RATE), second))
    parts = parted(window, [TimedText(0, 9.8, [1] * 25)], "en", samples)
    assert parts is not None
    assert [part.speech for part in parts] == [window.speech[:1], (second,)]
    assert parted(window, [TimedText(0, 4, [1]), TimedText(5, 9, [1])], "en", samples) is None
