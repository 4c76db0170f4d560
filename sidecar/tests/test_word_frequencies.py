import pytest

from sidecar.inference.word_frequencies import WordFrequencies


@pytest.mark.parametrize(
    ("language", "common", "rare"),
    [
        ("de", "Am Ufer, in der Nähe.", "Am Ufa, in der Näge."),
        ("fr", "L'amendement numéro 105", "L'amandement numéro 105"),
        ("no", "Jeg har ikke", "Jei har ikke"),
        ("hr", "dobar dan", "dobra don"),
        ("tl", "Magandang umaga", "Magadang umga"),
        ("zh", "今天天气很好", "今天天弃很好"),
        ("ja", "今日は天気がいい", "今日は転木がいい"),
        ("ko", "오늘 날씨가 좋다", "오늘 날씨가 좋타"),
        ("yue", "今日天氣好好", "今日天汽好好"),
    ],
)
def test_a_text_of_common_words_has_a_higher_frequency(language: str, common: str, rare: str) -> None:
    frequencies = WordFrequencies()
    assert frequencies.logarithm(common, language) > frequencies.logarithm(rare, language)


def test_traditional_characters_are_as_frequent_as_simplified_ones() -> None:
    frequencies = WordFrequencies()
    assert frequencies.logarithm("漢語詞彙", "zh") == frequencies.logarithm("汉语词汇", "zh")


def test_a_language_without_a_list_has_no_rare_words() -> None:
    assert WordFrequencies().logarithm("ไม่รู้", "th") == 0


@pytest.mark.parametrize(("text", "language"), [("the ComfyUI folder", "en"), ("北京烤鸭很好", "zh")])
def test_a_hotword_is_not_rare(text: str, language: str) -> None:
    known = WordFrequencies("ComfyUI, 北京烤鸭")
    assert known.logarithm(text, language) > WordFrequencies().logarithm(text, language) + 5
