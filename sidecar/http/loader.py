"""Loads a model with what it needs to transcribe, and says what is known of each."""

import io
import wave
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from .. import events
from ..audio.decoder import SAMPLE_RATE
from ..inference import encoder
from ..inference.decoding import decode
from ..inference.encoder import Encoder
from ..inference.engine import CTranslate2, device_for
from ..inference.gate import Gate
from ..inference.padding import sizes
from ..inference.parameters import Parameters
from ..inference.transcribe import Transcriber
from ..model import files
from ..model.catalog import Abilities, Offer, abilities
from ..model.files import Model
from ..model.install import ModelError
from ..processor import detect
from ..settings import Settings
from .loaded import Loaded
from .metrics import Metrics

_FILE_BYTES_PER_WEIGHT = 2
_BYTES_PER_WEIGHT = {"int16": 2, "float16": 2, "float32": 4}
_OTHER_BYTES = 24 << 20
"""Memory of the tokenizer and the threads. With the weights, the estimates for tiny.en and base are within
10 % of the measured memory."""


@dataclass
class Known:
    """What is known of a model. None: not before its files are there, or before it was loaded."""

    revision: str | None = None
    abilities: Abilities | None = None
    compute_type: str | None = None
    encoder: str | None = None


class Loader:
    """Implements the registry's Loader. `unloaded`: called after a model was unloaded.

    All models run on one device with the same settings, and share its workers.
    """

    def __init__(self, settings: Settings, metrics: Metrics, *, unloaded: Callable[[], None]):
        self._settings = settings
        self._metrics = metrics
        self.unloaded = unloaded
        self.device = device_for(settings.device)
        on_cpu = self.device == "cpu"
        self._workers = settings.cpu_workers if on_cpu else settings.gpu_workers
        self._all_workers = self._workers if on_cpu else self._workers * len(settings.device_index)
        self.batch_size = settings.max_batch_size or (12 if on_cpu else 4)
        self._compute_type = settings.compute_type or ("int8" if on_cpu else "float16")
        self._gate = Gate(self._all_workers)
        self._models: dict[str, Model] = {}
        self._known: dict[str, Known] = {}

    def look(self, offers: Sequence[Offer]) -> None:
        """Reads what the files say that are there already."""
        for offer in offers:
            if model := files.present(offer.setting, self._settings.model_cache):
                self._learn(offer, model)

    def known(self, offer: Offer) -> Known:
        known = self._known.setdefault(offer.name, Known())
        if known.abilities is None and any(name.endswith(".en") for name in (offer.name, *offer.aliases)):
            # Whisper's English-only models are named so.
            known.abilities = Abilities(multilingual=False, languages=frozenset({"en"}))
        return known

    def size(self, offer: Offer) -> int:
        model = files.locate(offer.setting, self._settings.model_cache, events.model_progress)
        self._models[offer.name] = model
        self._learn(offer, model)
        weights = model.weights.stat().st_size // _FILE_BYTES_PER_WEIGHT
        total = weights * _BYTES_PER_WEIGHT.get(self._compute_type, 1) + _OTHER_BYTES
        if not self._has_own_encoder(model):
            return total
        return total + encoder.memory_bytes(model.weights, workers=self._workers)

    def load(self, offer: Offer) -> Loaded:
        model = self._models[offer.name]
        settings = self._settings
        try:
            own_encoder = self._encoder(model)
            engine = CTranslate2(
                model.directory,
                device=self.device,
                compute_type=self._compute_type,
                workers=self._workers,
                threads=settings.cpu_threads,
                devices=settings.device_index,
                encoder=own_encoder,
            )
            transcriber = Transcriber(
                engine,
                model.directory,
                batch_size=self.batch_size,
                workers=self._all_workers,
                observer=self._metrics.observer(offer.name),
                gate=self._gate,
            )
            try:
                _warm_up(transcriber, self._gate, self._all_workers)
            except BaseException:
                transcriber.close()
                raise
        except Exception as error:
            raise ModelError(f"The model {offer.name} cannot be loaded on {self.device}: {error}") from error
        known = self.known(offer)
        known.compute_type = engine.compute_type
        known.encoder = "OpenVINO" if own_encoder else "CTranslate2"
        return Loaded(model, transcriber)

    def _has_own_encoder(self, model: Model) -> bool:
        """Whether another library than CTranslate2 encodes."""
        return self.device == "cpu" and encoder.is_chosen(
            self._settings.encoder, model.weights, self._compute_type, detect()
        )

    def _encoder(self, model: Model) -> Encoder | None:
        settings = self._settings
        if self.device != "cpu":
            return None
        return encoder.open_encoder(
            settings.encoder,
            model.weights,
            self._compute_type,
            workers=self._workers,
            threads=settings.cpu_threads,
        )

    def unload(self, loaded: Loaded) -> None:
        loaded.transcriber.close()

    def _learn(self, offer: Offer, model: Model) -> None:
        known = self._known.setdefault(offer.name, Known())
        known.revision = model.revision
        known.abilities = abilities(model.directory)


def _warm_up(transcriber: Transcriber, gate: Gate, workers: int) -> None:
    """Moves the cost of first use, and its failures, from the first request to the start. Takes turns with
    other models."""
    share = gate.join()

    def decode_silence(_: int) -> None:
        with share.turn():
            _decode_silence(transcriber)

    try:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(decode_silence, range(workers)))
        with share.turn():
            transcriber.engine.encode([_silence(transcriber)], lone=True)
    finally:
        share.leave()
    silence = io.BytesIO()
    with wave.open(silence, "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(bytes(2 * SAMPLE_RATE))
    silence.seek(0)
    transcriber.transcribe(
        silence,
        Parameters(),
        cancelled=lambda: False,
        on_segments=lambda segments: None,
        longest=float("inf"),
    )


def _decode_silence(transcriber: Transcriber) -> None:
    engine = transcriber.engine
    [encoded] = engine.encode([_silence(transcriber)])
    if engine.multilingual:
        engine.detect([encoded])
    decode(
        engine,
        [transcriber.prompt_builder(Parameters()).job(encoded, "en", 0.0)],
        beam_size=5,
        temperature=0.0,
    )


def _silence(transcriber: Transcriber) -> np.ndarray:
    """The shortest input of the encoder."""
    engine = transcriber.engine
    return np.zeros((engine.mel_bins, sizes(engine.device)[0]), np.float32)
