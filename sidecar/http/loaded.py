"""A model that is loaded."""

from dataclasses import dataclass

from ..inference.transcribe import Transcriber
from ..model.files import Model


@dataclass(frozen=True)
class Loaded:
    model: Model
    transcriber: Transcriber
