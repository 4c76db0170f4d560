"""The options of one transcription."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameters:
    """`language`: None to detect it. `language_hint`: detect it also if `language` is set, with a prior for
    that language. `languages`: the only languages that may be detected; empty for all. `timestamps`: the unit
    of `chunks`, `word` or `segment`; None for no chunks."""

    language: str | None = None
    language_hint: bool = False
    languages: tuple[str, ...] = ()
    task: str = "transcribe"
    timestamps: str | None = None
    details: bool = False
    words: bool = False
    beam_size: int = 5
    initial_prompt: str | None = None
    hotwords: str | None = None
