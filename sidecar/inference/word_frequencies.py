"""How common the words of a text are, by wordfreq's lists of words more frequent than one in a million."""

import gzip
import math
from functools import cache
from importlib.resources import files

import msgpack
from wordfreq import get_frequency_dict, tokens, word_frequency

_LISTED = frozenset(
    """ar bg bn ca cs da de el en es fa fi fil fr he hi hu id is it ja ko lt lv mk ms nb nl pl pt ro ru sh sk
    sl sv ta tr uk ur vi zh""".split()  # noqa: SIM905
)
_LISTS = {"no": "nb", "nn": "nb", "tl": "fil", "hr": "sh", "bs": "sh", "sr": "sh", "yue": "zh"}
_WITHOUT_SPACES = frozenset({"zh", "ja", "ko"})
_LONGEST = 6
_UNLISTED = 2e-9
_KNOWN = 1e-4


class WordFrequencies:
    """known: a text whose words are as frequent as one in 10,000, whether or not they are on a list: names
    and terms of the request."""

    def __init__(self, known: str = ""):
        self._known = frozenset(tokens.simple_tokenize(known))
        self._longest = max([_LONGEST, *map(len, self._known)])

    def logarithm(self, text: str, language: str) -> float:
        """The sum of the logarithms of the frequencies of the words. 0 if there is no list for the language.

        language: Whisper's code.
        """
        code = _LISTS.get(language, language)
        if code not in _LISTED:
            return 0.0
        if code not in _WITHOUT_SPACES:
            return sum(self._word(word, code) for word in tokens.tokenize(text, code))
        plain = text.translate(simplified_characters()) if code == "zh" else text
        return sum(self._run(run, code) for run in tokens.simple_tokenize(plain))

    def _word(self, word: str, code: str) -> float:
        least = _KNOWN if word in self._known else _UNLISTED
        return math.log(word_frequency(word, code, "small", least))

    def _run(self, run: str, code: str) -> float:
        """Of characters without spaces between: the highest sum of any division into words."""
        if run.isascii():
            return self._word_or_unlisted(run, code)
        best = [0.0]
        for end in range(1, len(run) + 1):
            starts = range(max(0, end - self._longest), end)
            words = ((best[start], run[start:end]) for start in starts)
            best.append(
                max(
                    before + self._word_or_unlisted(word, code)
                    for before, word in words
                    if len(word) == 1 or self._listed(word, code)
                )
            )
        return best[-1]

    def _word_or_unlisted(self, word: str, code: str) -> float:
        return math.log(self._listed(word, code) or _UNLISTED)

    def _listed(self, word: str, code: str) -> float:
        listed = get_frequency_dict(code, "small").get(word, 0.0)
        return max(listed, _KNOWN) if word in self._known else listed


@cache
def simplified_characters() -> dict[int, str]:
    """Traditional characters → simplified ones, as the Chinese list has them. wordfreq's own function needs a
    package for the division into words."""
    with gzip.open(str(files("wordfreq") / "data" / "_chinese_mapping.msgpack.gz")) as file:
        mapping: dict[int, str] = msgpack.load(file, strict_map_key=False)
    return mapping
