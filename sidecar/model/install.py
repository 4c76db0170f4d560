"""Puts pinned files into a directory: once, atomically, verified by SHA-256."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


class ModelError(Exception):
    """One sentence: the problem and its remedy."""


def install(directory: Path, digests: Mapping[str, str], download: Callable[[Path], None]) -> None:
    """Calls `download` with a temporary directory, whose folder `model` it fills with verified files. Returns
    at once if the files are there already.

    Raises ModelError.
    """
    if verified(directory, digests):
        return
    directory = directory.absolute()
    partial = directory.with_name(directory.name + ".partial")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with _exclusive(directory.with_name(directory.name + ".lock")):
            if verified(directory, digests):
                return
            shutil.rmtree(partial, ignore_errors=True)
            try:
                download(partial)
                shutil.rmtree(directory, ignore_errors=True)
                os.replace(partial / "model", directory)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise ModelError(
            f"The model could not be written to {directory}: {error.strerror or error}."
        ) from error


def emptied(partial: Path) -> Path:
    """The empty folder `model` in the otherwise empty directory `partial`."""
    shutil.rmtree(partial, ignore_errors=True)
    model = partial / "model"
    model.mkdir(parents=True)
    return model


def verified(directory: Path, digests: Mapping[str, str]) -> bool:
    """Whether all files are there with the pinned digests."""
    return all(
        (directory / name).is_file() and _sha256(directory / name) == digest
        for name, digest in digests.items()
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _exclusive(lock: Path) -> Iterator[None]:
    """Only one process downloads at a time. The kernel releases the lock when its holder ends."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
