"""What is compared: the sidecar's qualities, the sidecar at full padding, and faster-whisper's two modes."""

# Sets the environment as the sidecar's process does, before CTranslate2 is loaded.
import sidecar.__main__  # noqa: F401, I001

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from sidecar.http.parameters import parse
from sidecar.inference.encoder import is_chosen, open_encoder
from sidecar.inference.engine import CTranslate2
from sidecar.inference.observer import NullObserver
from sidecar.inference.padding import Padding
from sidecar.inference.quality import BALANCED, POLICIES, Policy
from sidecar.inference.transcribe import Transcriber
from sidecar.processor import detect

from ..sidecar.server import ROOT

Told = tuple[Path, str]
"""A file, and the language that the request names."""

LONGEST = 3600
_BATCH = 12
_SOURCES = ("audio", "inference")
_ENCODER = os.environ.get("ENCODER", "auto")
_LIBRARIES = ("ctranslate2", "faster-whisper")


class Subject(Protocol):
    """`version`: identifies the code, the weights and the settings. `at_once`: recordings that it takes
    together, as a server takes concurrent requests."""

    name: str
    version: str
    at_once: int

    def transcribe(self, files: Sequence[Told]) -> list[str]: ...


class Sidecar:
    """The sidecar's pipeline in this process, with one worker of one thread."""

    at_once = _BATCH

    def __init__(self, name: str, policy: Policy, model: Path, stack: ExitStack):
        self.name = name
        self.version = _digest(_sources(), repr(policy), _weights(model), _encoder(model))
        self._policy = policy
        self._transcriber = cache(lambda: open_transcriber(model, stack))

    def transcribe(self, files: Sequence[Told]) -> list[str]:
        with ThreadPoolExecutor(len(files)) as pool:
            return list(pool.map(partial(self._text, self._transcriber()), files))

    def _text(self, transcriber: Transcriber, told: Told) -> str:
        path, language = told
        parameters = replace(
            parse({"language": language}), policy=self._policy, beam_size=self._policy.beam_size
        )
        with path.open("rb") as file:
            return transcriber.transcribe(
                file,
                parameters,
                cancelled=lambda: False,
                on_segments=lambda segments: None,
                longest=LONGEST,
            ).text


class FasterWhisper:
    """`WhisperModel.transcribe` with its VAD, or `BatchedInferencePipeline`, on one thread."""

    at_once = 1

    def __init__(self, name: str, model: Path, *, batched: bool):
        self.name = name
        self._options = {"batch_size": _BATCH} if batched else {"vad_filter": True}
        self.version = _digest(repr(self._options), _weights(model))
        self._transcribe = cache(lambda: _faster_whisper(model, batched=batched))

    def transcribe(self, files: Sequence[Told]) -> list[str]:
        texts = []
        for path, language in files:
            segments, _ = self._transcribe()(str(path), language=language, beam_size=5, **self._options)
            texts.append(" ".join(segment.text.strip() for segment in segments))
        return texts


def subjects(model: Path, stack: ExitStack) -> dict[str, Callable[[], Subject]]:
    """By name. stack: closes what they open."""
    policies = {**POLICIES, "full": replace(BALANCED, padding=Padding(silence=30.0))}
    return {
        **{name: partial(Sidecar, name, policy, model, stack) for name, policy in policies.items()},
        "faster-whisper": partial(FasterWhisper, "faster-whisper", model, batched=False),
        "faster-whisper-batched": partial(FasterWhisper, "faster-whisper-batched", model, batched=True),
    }


def open_transcriber(model: Path, stack: ExitStack) -> Transcriber:
    encoder = open_encoder(_ENCODER, model / "model.bin", "int8", workers=1, threads=1)
    engine = CTranslate2(model, device="cpu", compute_type="int8", workers=1, threads=1, encoder=encoder)
    transcriber = Transcriber(engine, model, batch_size=_BATCH, workers=1, observer=NullObserver())
    stack.callback(transcriber.close)
    return transcriber


def _faster_whisper(model: Path, *, batched: bool) -> Callable:
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    whisper = WhisperModel(str(model), device="cpu", compute_type="int8", cpu_threads=1)
    return BatchedInferencePipeline(whisper).transcribe if batched else whisper.transcribe


def _digest(*parts: str) -> str:
    libraries = [version(name) for name in _LIBRARIES]
    return hashlib.sha256("\n".join([*parts, *libraries]).encode()).hexdigest()[:8]


def _encoder(model: Path) -> str:
    return str(is_chosen(_ENCODER, model / "model.bin", "int8", detect()))


def _sources() -> str:
    files = [path for folder in _SOURCES for path in sorted((ROOT / "sidecar" / folder).glob("*.py"))]
    return "\n".join(path.read_text() for path in files if path.name != "quality.py")


@cache
def _weights(model: Path) -> str:
    with (model / "model.bin").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
