"""A text-generation-inference style server for Whisper on CTranslate2."""

__version__ = "0.1.0"
