from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from sidecar.audio.vad import FRAME, Speech, SpeechSegmenter
from sidecar.audio.windows import LONGEST, MARGIN, USUAL, Cutter, Window

RATE = 16_000


def at(*bounds: tuple[float, float]) -> list[Speech]:
    return [Speech(int(start * RATE), int(end * RATE)) for start, end in bounds]


def cut_at(speech: list[Speech], seconds: float, probability: np.ndarray | None = None) -> list[Window]:
    total = int(seconds * RATE)
    cutter = Cutter()
    windows = cutter.push(
        np.ones(total // FRAME + 1) if probability is None else probability, speech, None, 0
    )
    return windows + cutter.finish([], total)


def windows_of(probability: np.ndarray, total: int, blocks: Iterable[int]) -> list[Window]:
    stretches, cutter = SpeechSegmenter(), Cutter()
    windows: list[Window] = []
    at = 0
    for block in blocks:
        if at >= len(probability):
            break
        part = probability[at : at + block]
        at += block
        closed = stretches.push(part)
        new = cutter.push(part, closed, stretches.open, stretches.settled)
        assert all(window.end <= stretches.seen for window in new)
        assert cutter.needed >= stretches.seen - 60 * RATE
        windows += new
    return windows + cutter.finish(stretches.finish(total), total)


def test_sentences_with_a_long_pause_between_them_are_separate_windows() -> None:
    windows = cut_at(at((1, 7), (8.4, 14.4)), 15)
    assert [(round(w.start / RATE, 2), round(w.end / RATE, 2)) for w in windows] == [(0.8, 7.2), (8.2, 14.6)]


def test_a_window_reaches_over_short_pauses() -> None:
    assert len(cut_at(at((0.5, 1), (2, 2.5), (3.5, 9)), 10)) == 1
    assert len(cut_at(at((0.5, 1), (2, 6.5), (7.6, 9)), 10)) == 1


def test_faint_speech_is_in_the_window_of_the_speech_beside_it() -> None:
    faint = Speech(int(3.4 * RATE), int(3.9 * RATE), faint=True)
    windows = cut_at([*at((0.5, 2.3)), faint, *at((4.2, 9))], 10)
    assert [(round(w.start / RATE, 2), round(w.end / RATE, 2)) for w in windows] == [(0.3, 2.5), (3.2, 9.2)]


def test_a_window_of_a_few_words_ends_at_a_very_long_pause() -> None:
    assert len(cut_at(at((0.5, 3.7), (5.6, 10)), 11)) == 2


def test_a_long_run_is_cut_at_its_longest_late_pause() -> None:
    speech = at((0, 9), (9.4, 12), (12.2, 14), (14.2, 25))
    assert [len(w.speech) for w in cut_at(speech, 26)] == [1, 2, 1]
    assert all(w.seconds <= USUAL for w in cut_at(speech, 26))


def test_unbroken_speech_is_cut_at_its_lowest_speech_probability() -> None:
    probability = np.ones(40 * RATE // FRAME)
    probability[12 * RATE // FRAME] = 0.4
    windows = cut_at(at((0, 26)), 30, probability)
    assert abs(windows[0].end / RATE - 12) < 0.1
    assert windows[1].start == windows[0].end


def test_windows_never_exceed_the_models_input_or_overlap() -> None:
    windows = cut_at(at((0.1, 100)), 101)
    assert all(w.seconds <= LONGEST for w in windows)
    assert all(a.end <= b.start for a, b in pairwise(windows))
    covered = sum(w.seconds for w in windows)
    assert 99.9 <= covered <= 99.9 + 2 * MARGIN


def test_up_to_thirty_seconds_of_unbroken_speech_are_one_window() -> None:
    assert len(cut_at(at((1, 29)), 30)) == 1


def test_windows_do_not_depend_on_the_block_size() -> None:
    rng = np.random.default_rng(0)
    for trial in range(120):
        # Conversation, long runs, single words, and speech almost without pauses.
        on, off = [(40, 12), (400, 6), (15, 30), (900, 3)][trial % 4]
        parts = []
        for _ in range(rng.integers(1, 60)):
            parts.append(np.clip(rng.normal(0.9, 0.15, int(rng.exponential(on)) + 1), 0, 1))
            parts.append(np.clip(rng.normal(0.1, 0.15, int(rng.exponential(off)) + 1), 0, 1))
            # Speech too soft for the detector.
            parts.append(np.clip(rng.normal(0.35, 0.05, int(rng.exponential(trial % 3 * 12))), 0, 1))
        probability = np.concatenate(parts)
        total = len(probability) * FRAME - int(rng.integers(FRAME))
        whole = windows_of(probability, total, [len(probability)]) if total > LONGEST * RATE else None
        blocks = rng.integers(1, [5, 80, 1000][trial % 3], len(probability))
        segmenter = SpeechSegmenter()
        speech = segmenter.push(probability) + segmenter.finish(total)
        cutter = Cutter()
        expected = cutter.push(probability, speech, None, 0) + cutter.finish([], total)
        assert windows_of(probability, total, blocks.tolist()) == expected
        assert whole in (None, expected)
