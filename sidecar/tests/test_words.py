import numpy as np

from sidecar.audio.vad import Speech
from sidecar.audio.windows import Window
from sidecar.inference.segments import Segment, Word
from sidecar.inference.words import with_words

RATE = 16_000


def test_words_that_alignment_places_too_early_get_the_bounds_of_their_sound() -> None:
    samples = np.zeros(2 * RATE, np.int16)
    for start, end in ((0.5, 0.9), (0.96, 1.4)):
        samples[int(start * RATE) : int(end * RATE)] = 3000
    window = Window(0, len(samples), (Speech(int(0.48 * RATE), int(1.42 * RATE)),))
    aligned = [(Word(0.1, 0.88, " two", 1.0), 1), (Word(0.88, 1.36, " words", 1.0), 1)]
    segment = Segment(0.5, 1.4, " two words", "en", -0.1, 1.0, 0.0)
    [timed] = with_words(aligned, [2], [segment], window, samples, after=0.0)
    assert timed.words is not None
    found = [(round(word.start, 2), round(word.end, 2)) for word in timed.words]
    assert found == [(0.5, 0.9), (0.96, 1.4)]


def test_the_last_word_before_a_pause_ends_with_its_sound() -> None:
    samples = np.zeros(2 * RATE, np.int16)
    for start, end in ((0.5, 0.9), (1.4, 1.8)):
        samples[int(start * RATE) : int(end * RATE)] = 3000
    window = Window(0, len(samples), (Speech(int(0.48 * RATE), int(1.82 * RATE)),))
    aligned = [(Word(0.48, 0.7, " seen,", 1.0), 1), (Word(1.38, 1.6, " since", 1.0), 1)]
    segment = Segment(0.5, 1.8, " seen, since", "en", -0.1, 1.0, 0.0)
    [timed] = with_words(aligned, [2], [segment], window, samples, after=0.0)
    assert timed.words is not None
    assert [round(word.end, 2) for word in timed.words] == [0.9, 1.8]
