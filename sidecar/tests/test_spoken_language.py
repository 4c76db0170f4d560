import pytest

from sidecar.inference.language_sampling import LanguageSampler
from sidecar.inference.spoken_language import LanguageEvidence, SpokenLanguage

OTHERS = ("es", "fr", "it", "nl", "pt")


def conclude(*windows: tuple[dict[str, float], float]) -> SpokenLanguage:
    evidence = LanguageEvidence()
    for probabilities, seconds in windows:
        evidence.add({"de": 0.01, "en": 0.01, **dict.fromkeys(OTHERS, 0.01), **probabilities}, seconds)
    spoken = evidence.conclude()
    assert spoken is not None
    return spoken


def test_a_request_without_speech_has_no_spoken_language() -> None:
    assert LanguageEvidence().conclude() is None


def test_the_same_evidence_counts_less_in_a_shorter_window() -> None:
    long, short = conclude(({"de": 0.94}, 6.0)), conclude(({"de": 0.94}, 0.5))
    assert (long.code, short.code) == ("de", "de")
    assert long.probability > 0.9
    assert short.probability < 0.7


def test_uncertain_windows_of_one_language_confirm_each_other() -> None:
    unsure = ({"de": 0.5, "nl": 0.2}, 1.5)
    assert conclude(unsure).probability < 0.6
    assert conclude(*[unsure] * 6).probability > 0.9


def test_the_language_of_most_of_the_speech_gets_its_share_as_probability() -> None:
    english, german = {"en": 0.98, "de": 0.0001}, {"de": 0.98, "en": 0.0001}
    spoken = conclude((english, 10.0), (german, 10.0), (german, 10.0), (german, 10.0))
    assert spoken.code == "de"
    assert spoken.probability == pytest.approx(0.75, abs=0.05)


def test_the_first_20_s_and_a_quarter_of_the_later_speech_are_sampled() -> None:
    sampler = LanguageSampler()
    taken = [sampler.takes(5.0) for _ in range(44)]
    assert taken[:4] == [True] * 4
    assert sum(taken[4:]) == 10
    assert any(taken[-5:])
