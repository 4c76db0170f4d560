"""The settings, read once from the environment."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# CTranslate2's types that numpy can hold: all but bfloat16.
COMPUTE_TYPES = ("int8", "int8_float32", "int8_float16", "int16", "float16", "float32")


class SettingError(Exception):
    """One line with the setting's name, its invalid value and what the setting takes."""


@dataclass(frozen=True)
class Settings:
    host: str
    port: int
    model: str | None
    models: tuple[str, ...]
    model_idle_seconds: int
    model_memory_bytes: int | None
    model_cache: Path
    device: str
    device_index: tuple[int, ...]
    compute_type: str | None
    encoder: str
    cpu_workers: int
    cpu_threads: int
    gpu_workers: int
    max_batch_size: int | None
    max_concurrent_requests: int
    max_input_bytes: int
    max_audio_seconds: int
    max_queued_seconds: int
    max_queued_bytes: int
    idle_seconds: int
    drain_seconds: int
    api_key: str | None
    diarization: str
    diarization_model: str | None


@dataclass(frozen=True)
class Setting:
    """`parse` raises ValueError for a text that is not as `takes` says."""

    name: str
    default: str
    takes: str
    parse: Callable[[str], object]


def _integer(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text)
        if not minimum <= number <= maximum:
            raise ValueError(text)
        return number

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    return parse


def _indices(text: str) -> tuple[int, ...]:
    indices = tuple(int(part) for part in text.split(","))
    if len(set(indices)) < len(indices) or min(indices) < 0:
        raise ValueError(text)
    return indices


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _optional(parse: Callable[[str], object]) -> Callable[[str], object]:
    return lambda text: parse(text) if text else None


def cores() -> int:
    """The cores this process may use: its CPU affinity, limited by its control group's quota."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:
        count = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        count = min(count, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return count


def _whole_number(minimum: int, maximum: int) -> str:
    return f"a whole number from {minimum} to {maximum}"


TABLE = (
    Setting("HOST", "0.0.0.0", "an address to listen on", str),
    Setting("PORT", "8080", _whole_number(0, 65535) + " (0: any free port)", _integer(0, 65535)),
    Setting("MODEL", "", "a directory, a hub name such as large-v3-turbo, or nothing", _optional(str)),
    Setting("MODELS", "", "directories and hub names, separated by commas; the first is the default", _names),
    Setting("MODEL_IDLE_SECONDS", "900", _whole_number(0, 10**9) + " (0: never)", _integer(0, 10**9)),
    Setting(
        "MODEL_MEMORY_BYTES",
        "",
        _whole_number(1, 2**50) + " (bytes), or nothing",
        _optional(_integer(1, 2**50)),
    ),
    Setting("MODEL_CACHE", "~/.cache/verbatim", "a directory", lambda text: Path(text).expanduser()),
    Setting("DEVICE", "auto", "auto, cpu or cuda", _one_of("auto", "cpu", "cuda")),
    Setting("DEVICE_INDEX", "0", "one GPU's number, or several as 0,1", _indices),
    Setting("COMPUTE_TYPE", "", "one of " + ", ".join(COMPUTE_TYPES), _optional(_one_of(*COMPUTE_TYPES))),
    Setting("ENCODER", "auto", "auto, ctranslate2 or openvino", _one_of("auto", "ctranslate2", "openvino")),
    Setting("CPU_WORKERS", str(min(cores(), 16)), _whole_number(1, 256), _integer(1, 256)),
    Setting("CPU_THREADS", str(max(1, cores() // 16)), _whole_number(1, 256), _integer(1, 256)),
    Setting("GPU_WORKERS", "8", _whole_number(1, 16), _integer(1, 16)),
    Setting("MAX_BATCH_SIZE", "", _whole_number(1, 64), _optional(_integer(1, 64))),
    Setting("MAX_CONCURRENT_REQUESTS", "128", _whole_number(1, 100_000), _integer(1, 100_000)),
    Setting("MAX_INPUT_BYTES", str(512 * 2**20), _whole_number(1, 2**40) + " (bytes)", _integer(1, 2**40)),
    Setting("MAX_AUDIO_SECONDS", "14400", _whole_number(1, 10**6), _integer(1, 10**6)),
    Setting("MAX_QUEUED_SECONDS", "28800", _whole_number(1, 10**9), _integer(1, 10**9)),
    Setting("MAX_QUEUED_BYTES", str(4 * 2**30), _whole_number(1, 2**50) + " (bytes)", _integer(1, 2**50)),
    Setting("IDLE_SECONDS", "30", _whole_number(1, 3600), _integer(1, 3600)),
    Setting("DRAIN_SECONDS", "60", _whole_number(0, 3600), _integer(0, 3600)),
    Setting("API_KEY", "", "a text", _optional(str)),
    Setting("DIARIZATION", "auto", "auto, on or off", _one_of("auto", "on", "off")),
    Setting("DIARIZATION_MODEL", "", "a directory, a URL of a zip archive, or nothing", _optional(str)),
)


def read(environment: Mapping[str, str]) -> Settings:
    """Raises SettingError for the first invalid value. An empty value means the default."""
    values: dict[str, Any] = {}
    for setting in TABLE:
        text = environment.get(setting.name, "").strip() or setting.default
        try:
            values[setting.name.lower()] = setting.parse(text)
        except ValueError:
            raise SettingError(f"{setting.name} is {text!r}; it takes {setting.takes}") from None
    model, models = values["model"], values["models"]
    if model and models and models != (model,):
        raise SettingError(
            f"MODEL is {model!r} and MODELS is {','.join(models)!r}; set one of them: "
            "the first of MODELS is the default model"
        )
    values["models"] = models or ((model,) if model else ())
    return Settings(**values)
