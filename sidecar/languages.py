"""Whisper's language codes, and the English names that Hugging Face's clients may send instead."""

from collections.abc import Collection

NAMES = {
    "af": "afrikaans",
    "am": "amharic",
    "ar": "arabic",
    "as": "assamese",
    "az": "azerbaijani",
    "ba": "bashkir",
    "be": "belarusian",
    "bg": "bulgarian",
    "bn": "bengali",
    "bo": "tibetan",
    "br": "breton",
    "bs": "bosnian",
    "ca": "catalan",
    "cs": "czech",
    "cy": "welsh",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fo": "faroese",
    "fr": "french",
    "gl": "galician",
    "gu": "gujarati",
    "ha": "hausa",
    "haw": "hawaiian",
    "he": "hebrew",
    "hi": "hindi",
    "hr": "croatian",
    "ht": "haitian creole",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "is": "icelandic",
    "it": "italian",
    "ja": "japanese",
    "jw": "javanese",
    "ka": "georgian",
    "kk": "kazakh",
    "km": "khmer",
    "kn": "kannada",
    "ko": "korean",
    "la": "latin",
    "lb": "luxembourgish",
    "ln": "lingala",
    "lo": "lao",
    "lt": "lithuanian",
    "lv": "latvian",
    "mg": "malagasy",
    "mi": "maori",
    "mk": "macedonian",
    "ml": "malayalam",
    "mn": "mongolian",
    "mr": "marathi",
    "ms": "malay",
    "mt": "maltese",
    "my": "myanmar",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "nynorsk",
    "no": "norwegian",
    "oc": "occitan",
    "pa": "punjabi",
    "pl": "polish",
    "ps": "pashto",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sa": "sanskrit",
    "sd": "sindhi",
    "si": "sinhala",
    "sk": "slovak",
    "sl": "slovenian",
    "sn": "shona",
    "so": "somali",
    "sq": "albanian",
    "sr": "serbian",
    "su": "sundanese",
    "sv": "swedish",
    "sw": "swahili",
    "ta": "tamil",
    "te": "telugu",
    "tg": "tajik",
    "th": "thai",
    "tk": "turkmen",
    "tl": "tagalog",
    "tr": "turkish",
    "tt": "tatar",
    "uk": "ukrainian",
    "ur": "urdu",
    "uz": "uzbek",
    "vi": "vietnamese",
    "yi": "yiddish",
    "yo": "yoruba",
    "yue": "cantonese",
    "zh": "chinese",
}
_CODES = {name: code for code, name in NAMES.items()}

# Scripts for which Whisper's vocabulary needs several tokens per letter.
_MANY_TOKENS_PER_LETTER = frozenset(
    "am as bn bo gu hi hy ka km kn lo ml mr my ne pa sa sd si ta te th yi".split()  # noqa: SIM905
)


def code_of(text: str) -> str | None:
    """The code of a code (`fr`, `FR`), a token (`<|fr|>`) or a name (`French`); None if it is unknown."""
    word = text.strip().removeprefix("<|").removesuffix("|>").lower()
    return word if word in NAMES else _CODES.get(word)


# Models without a language's own token were trained on its speech as this language.
_SUBSTITUTES = {"yue": "zh"}


def known_code(code: str, known: Collection[str]) -> str:
    """The code itself if the model has a token for it, otherwise the language that it knows the speech as."""
    return code if code in known else _SUBSTITUTES.get(code, code)


_WITHOUT_SPACES = frozenset("bo km lo my th ja yue zh".split())  # noqa: SIM905


def with_leading_space(text: str, code: str) -> str:
    """The text with a leading space, which Whisper sometimes leaves out, in languages that separate words by
    spaces."""
    return text if code in _WITHOUT_SPACES or text.startswith(" ") else f" {text}"


def tokens_per_second(code: str) -> int:
    """More tokens than fast speech needs. A text that needs more is a loop."""
    return 24 if code in _MANY_TOKENS_PER_LETTER else 12
