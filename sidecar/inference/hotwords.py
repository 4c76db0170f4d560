"""Whether a text contains a hotword."""

import re

_SEPARATORS = re.compile(r"[,;\n]")
_MIN_WORD_LENGTH = 4


class Hotwords:
    """`text`: words and phrases, separated by commas. Words of phrases count too, unless they are short."""

    def __init__(self, text: str):
        phrases = {_letters(phrase) for phrase in _SEPARATORS.split(text)}
        words = {word for word in map(_letters, text.split()) if len(word) >= _MIN_WORD_LENGTH}
        self._terms = (phrases | words) - {""}

    def heard_in(self, text: str) -> bool:
        """In any case and spelling of compounds: "comfy UI" contains "ComfyUI"."""
        letters = _letters(text)
        return any(term in letters for term in self._terms)


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
