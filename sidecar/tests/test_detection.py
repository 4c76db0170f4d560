import numpy as np
import pytest

from sidecar.inference.detection import LanguageTrack, among


def probabilities_with(**probabilities: float) -> dict[str, float]:
    return {"de": 0.001, "en": 0.001, "fr": 0.001, **probabilities}


def assign(windows: list[dict[str, float]], seconds: list[float], *, hint: str | None = None) -> list[str]:
    track = LanguageTrack(hint)
    decided = [track.push(window, length) for window, length in zip(windows, seconds, strict=True)]
    return [code for codes in [*decided, track.finish()] for code in codes]


def test_probabilities_among_candidates_have_the_sum_one() -> None:
    probabilities = {"de": 0.06, "en": 0.9, "fr": 0.02}
    assert among(probabilities, ("de", "fr")) == {"de": pytest.approx(0.75), "fr": pytest.approx(0.25)}
    assert among(probabilities, ()) == probabilities
    assert among({"de": 0.0, "en": 1.0}, ("de",)) == {"de": 0.0}


def test_a_short_window_with_high_confidence_follows_its_neighbours() -> None:
    windows = [probabilities_with(en=0.9), probabilities_with(de=0.8, en=0.05), probabilities_with(en=0.9)]
    assert assign(windows, [6, 1, 6]) == ["en", "en", "en"]


def test_a_second_half_in_another_language_is_detected() -> None:
    windows = [
        probabilities_with(en=0.99),
        probabilities_with(en=0.98),
        probabilities_with(de=0.97),
        probabilities_with(de=0.99),
    ]
    assert assign(windows, [12, 12, 12, 12]) == ["en", "en", "de", "de"]


def test_several_short_windows_decide_together() -> None:
    windows = [
        probabilities_with(fr=0.4, de=0.5),
        probabilities_with(fr=0.9, de=0.05),
        probabilities_with(fr=0.8, de=0.1),
    ]
    assert assign(windows, [1, 2, 2]) == ["fr", "fr", "fr"]


def test_a_clear_window_is_decided_at_once_and_an_unclear_one_waits_for_others() -> None:
    track = LanguageTrack()
    assert track.push(probabilities_with(en=0.5, de=0.4), 2) == []
    assert track.push(probabilities_with(en=0.98), 6) == ["en", "en"]
    assert track.push(probabilities_with(de=0.6, en=0.3), 1) == []
    assert track.finish() == ["en"]


def test_a_hint_decides_unclear_speech_and_not_clear_speech() -> None:
    accented, german = probabilities_with(en=0.05, fr=0.9), probabilities_with(en=0.0001, de=0.99)
    assert assign([accented], [2]) == ["fr"]
    assert assign([accented], [2], hint="en") == ["en"]
    assert assign([german], [3], hint="en") == ["de"]
    assert assign([german], [1], hint="en") == ["en"]
    assert assign([probabilities_with(en=0.9), german, german], [6, 6, 6], hint="en") == ["en", "de", "de"]


def test_windows_that_stay_unclear_are_decided_after_a_limit() -> None:
    track = LanguageTrack()
    decided = [track.push(probabilities_with(en=0.4, de=0.39), 0.5) for _ in range(40)]
    assert max(map(len, decided)) > 1
    assert sum(map(len, decided)) > 20


def test_an_early_decision_equals_the_decision_with_all_windows() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        shares = rng.dirichlet([0.25] * 3, 12)
        windows = [dict(zip(("de", "en", "fr"), map(float, share), strict=True)) for share in shares]
        seconds = rng.uniform(0.3, 1.6, 12).tolist()
        assert assign(windows, seconds) == _all_at_once(windows, seconds)


def _all_at_once(windows: list[dict[str, float]], seconds: list[float]) -> list[str]:
    codes = sorted(windows[0])
    scores = np.zeros(len(codes))
    origins = []
    for window, length in zip(windows, seconds, strict=True):
        moves = scores[:, None] - np.where(np.eye(len(codes)), 0, 3.0)
        origins.append(moves.argmax(0))
        scores = moves.max(0) + np.log(np.maximum([window[code] for code in codes], 1e-4)) * min(
            1.0, length / 5
        )
    path = [int(scores.argmax())]
    for came_from in reversed(origins[1:]):
        path.append(int(came_from[path[-1]]))
    return [codes[i] for i in reversed(path)]
