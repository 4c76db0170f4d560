"""The options of one transcription."""

from dataclasses import dataclass

from .quality import BALANCED, Policy


@dataclass(frozen=True)
class Parameters:
    """`language`: None to detect it. `language_hint`: detect it also if `language` is set, with a prior for
    that language. `languages`: the only languages that may be detected; empty for all. `task`: `transcribe`,
    `translate`, or `diarize` for no text. `timestamps`: the unit of `chunks`, `word` or `segment`; None for
    none. `context_before`, `context_after`: seconds at the beginning and the end that are not transcribed.
    `share`: requests with equal shares take turns, as one request, with all others. `hurried`: somebody
    may wait for the text of the first window. `model`: a model's name, None for the default."""

    language: str | None = None
    language_hint: bool = False
    languages: tuple[str, ...] = ()
    task: str = "transcribe"
    timestamps: str | None = None
    details: bool = False
    words: bool = False
    policy: Policy = BALANCED
    beam_size: int = BALANCED.beam_size
    initial_prompt: str | None = None
    hotwords: str | None = None
    speakers: bool = False
    context_before: float = 0.0
    context_after: float = 0.0
    share: str | None = None
    hurried: bool = True
    model: str | None = None
