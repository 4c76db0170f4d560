"""What `/info` says of the server and its models."""

from .. import __version__
from ..model.diarization import NAMES
from ..model.registry import Entry
from ..processor import backend, detect
from .loaded import Loaded
from .models import Models
from .service import Service


def info(service: Service) -> dict[str, object]:
    """Raises a `healthcheck` RequestError until the default model is loaded."""
    service.require_ready()
    models, loader, settings = service.models, service.models.loader, service.settings
    default = models.entries[0].offer
    known = models.known(default)
    cpu = backend(detect()) if loader.device == "cpu" else None
    able = known.abilities
    return {
        "model_id": default.name,
        "model_sha": known.revision,
        "model_dtype": known.compute_type,
        "model_device_type": loader.device,
        "cpu_gemm": cpu.gemm if cpu else None,
        "cpu_isa": cpu.isa if cpu else None,
        "cpu_encoder": known.encoder if cpu else None,
        "multilingual": able and able.multilingual,
        "languages": sorted(able.languages) if able else None,
        "max_batch_size": loader.batch_size,
        "max_concurrent_requests": settings.max_concurrent_requests,
        "max_input_bytes": settings.max_input_bytes,
        "max_audio_seconds": settings.max_audio_seconds,
        "max_queued_seconds": settings.max_queued_seconds,
        "max_queued_bytes": settings.max_queued_bytes,
        "diarization": service.diarization.state,
        "diarization_models": NAMES,
        "models": [_model(entry, models) for entry in models.entries],
        "version": __version__,
    }


def _model(entry: Entry[Loaded], models: Models) -> dict[str, object]:
    """`multilingual`, `languages` and `translate` are null if nothing of the model is there yet."""
    known = models.known(entry.offer)
    able = known.abilities
    return {
        "id": entry.offer.name,
        "aliases": list(entry.offer.aliases),
        "revision": known.revision,
        "default": entry is models.entries[0],
        "loaded": entry.loaded is not None,
        "multilingual": able and able.multilingual,
        "languages": sorted(able.languages) if able else None,
        "translate": able and able.multilingual,
        "words": True,
    }
