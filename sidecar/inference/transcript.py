"""The result of one transcription."""

from dataclasses import dataclass

from .segments import Segment
from .spoken_language import SpokenLanguage


@dataclass(frozen=True)
class Transcript:
    """`language`: the language that most speech was decoded in, None if there is no speech. `spoken`: the
    language that was detected, whatever language the request names; None if there is no speech, or if the
    model supports English only.

    `duration`: seconds of audio. `queued`: seconds until the model was free for the first window.
    """

    segments: list[Segment]
    language: str | None
    spoken: SpokenLanguage | None
    duration: float
    queued: float

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments).strip()
