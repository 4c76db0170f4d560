"""The result of one transcription."""

from dataclasses import dataclass

from .segments import Segment


@dataclass(frozen=True)
class Transcript:
    """`language`: the language with the most speech, None if there is no speech.

    `duration`: seconds of audio. `queued`: seconds until the model was free for the first window.
    """

    segments: list[Segment]
    language: str | None
    duration: float
    queued: float

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments).strip()
