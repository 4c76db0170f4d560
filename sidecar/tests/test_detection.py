from sidecar.detection import LanguageTrack


def said(**probabilities: float) -> dict[str, float]:
    return {"de": 0.001, "en": 0.001, "fr": 0.001, **probabilities}


def test_a_short_window_that_is_sure_of_itself_follows_its_neighbours():
    found = [said(en=0.9), said(de=0.8, en=0.05), said(en=0.9)]
    assert LanguageTrack().assign(found, [6, 1, 6]) == ["en", "en", "en"]


def test_a_second_half_in_another_language_is_another_language():
    found = [said(en=0.99), said(en=0.98), said(de=0.97), said(de=0.99)]
    assert LanguageTrack().assign(found, [12, 12, 12, 12]) == ["en", "en", "de", "de"]


def test_short_windows_add_up():
    found = [said(fr=0.4, de=0.5), said(fr=0.9, de=0.05), said(fr=0.8, de=0.1)]
    assert LanguageTrack().assign(found, [1, 2, 2]) == ["fr", "fr", "fr"]


def test_what_earlier_windows_said_still_counts_in_the_next_block():
    track = LanguageTrack()
    track.assign([said(en=0.99)] * 3, [10, 10, 10])
    assert track.assign([said(de=0.6, en=0.3)], [1]) == ["en"]
    assert track.assign([], []) == []
