"""Texts → errors: words, or characters in languages whose words have no agreed boundaries."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from sidecar.inference.word_frequencies import simplified_characters

CHARACTERS = frozenset({"zh", "ja", "ko", "yue", "th", "lo", "my", "km", "bo"})
"""Languages whose errors are counted in characters."""
_CHINESE = frozenset({"zh", "yue"})


@dataclass(frozen=True)
class Count:
    """`units`: words or characters of the reference."""

    errors: int
    units: int


def count(reference: str, text: str, language: str) -> Count:
    import jiwer

    expected, heard = normalised(reference, language), normalised(text, language)
    if language in CHARACTERS:
        result = jiwer.process_characters(expected.replace(" ", ""), heard.replace(" ", ""))
    else:
        result = jiwer.process_words(expected, heard)
    missed = result.substitutions + result.deletions
    return Count(missed + result.insertions, missed + result.hits)


def normalised(text: str, language: str) -> str:
    """English: Whisper's English normaliser. Others: NFKC in lower case without punctuation and symbols, as
    in bench/cases/normalise.ts. Chinese in simplified characters: `zh` leaves the script to the model."""
    if language == "en":
        return _english()(text)
    plain = unicodedata.normalize("NFKC", text).lower().replace("'", "").replace("’", "")
    if language in _CHINESE:
        plain = plain.translate(simplified_characters())
    spaced = (" " if unicodedata.category(letter)[0] in "PSZ" else letter for letter in plain)
    return " ".join("".join(spaced).split())


@cache
def _english() -> Callable[[str], str]:
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer()
