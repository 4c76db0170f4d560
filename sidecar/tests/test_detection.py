import numpy as np

from sidecar.detection import LanguageTrack


def said(**probabilities: float) -> dict[str, float]:
    return {"de": 0.001, "en": 0.001, "fr": 0.001, **probabilities}


def assign(found: list[dict[str, float]], seconds: list[float]) -> list[str]:
    track = LanguageTrack()
    told = [track.push(one, length) for one, length in zip(found, seconds, strict=True)]
    return [code for codes in [*told, track.finish()] for code in codes]


def test_a_short_window_that_is_sure_of_itself_follows_its_neighbours():
    found = [said(en=0.9), said(de=0.8, en=0.05), said(en=0.9)]
    assert assign(found, [6, 1, 6]) == ["en", "en", "en"]


def test_a_second_half_in_another_language_is_another_language():
    found = [said(en=0.99), said(en=0.98), said(de=0.97), said(de=0.99)]
    assert assign(found, [12, 12, 12, 12]) == ["en", "en", "de", "de"]


def test_short_windows_add_up():
    found = [said(fr=0.4, de=0.5), said(fr=0.9, de=0.05), said(fr=0.8, de=0.1)]
    assert assign(found, [1, 2, 2]) == ["fr", "fr", "fr"]


def test_a_clear_window_is_told_at_once_and_one_in_doubt_waits_for_company():
    track = LanguageTrack()
    assert track.push(said(en=0.5, de=0.4), 2) == []
    assert track.push(said(en=0.98), 6) == ["en", "en"]
    assert track.push(said(de=0.6, en=0.3), 1) == []
    assert track.finish() == ["en"]


def test_what_stays_in_doubt_is_decided_nevertheless():
    track = LanguageTrack()
    told = [track.push(said(en=0.4, de=0.39), 0.5) for _ in range(40)]
    assert max(map(len, told)) > 1
    assert sum(map(len, told)) > 20


def test_no_window_that_was_told_would_be_another_had_it_waited():
    rng = np.random.default_rng(0)
    for _ in range(200):
        shares = rng.dirichlet([0.25] * 3, 12)
        found = [dict(zip(("de", "en", "fr"), map(float, share), strict=True)) for share in shares]
        seconds = rng.uniform(0.3, 1.6, 12).tolist()
        assert assign(found, seconds) == _all_at_once(found, seconds)


def _all_at_once(found: list[dict[str, float]], seconds: list[float]) -> list[str]:
    codes = sorted(found[0])
    scores = np.zeros(len(codes))
    origins = []
    for one, length in zip(found, seconds, strict=True):
        moves = scores[:, None] - np.where(np.eye(len(codes)), 0, 3.0)
        origins.append(moves.argmax(0))
        scores = moves.max(0) + np.log(np.maximum([one[code] for code in codes], 1e-4)) * min(1.0, length / 5)
    path = [int(scores.argmax())]
    for came_from in reversed(origins[1:]):
        path.append(int(came_from[path[-1]]))
    return [codes[i] for i in reversed(path)]
