"""What a request asks for, from the query or from a JSON body as Hugging Face clients write it."""

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from .errors import validation
from .languages import code_of

_NESTED = ("generate_kwargs", "generation_parameters", "generation_kwargs")

# Hugging Face's words for things that this server decides by itself.
_IGNORED = frozenset(
    """batch_size chunk_length_s compression_ratio_threshold condition_on_prev_tokens do_sample early_stopping
    epsilon_cutoff eta_cutoff is_multilingual logprob_threshold max_length max_new_tokens min_length min_new_tokens
    model no_repeat_ngram_size no_speech_threshold num_beam_groups num_return_sequences options penalty_alpha provider
    repetition_penalty return_language seed stride_length_s temperature top_k top_p typical_p use_cache
    wait_for_model""".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Parameters:
    """language None: detect. timestamps: what `chunks` hold, None for no chunks."""

    language: str | None = None
    task: str = "transcribe"
    timestamps: str | None = None
    details: bool = False
    words: bool = False
    beam_size: int = 5
    initial_prompt: str | None = None
    hotwords: str | None = None


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in ("true", "1", "yes", "false", "0", "no", ""):
        return text in ("true", "1", "yes")
    raise ValueError


def _language(value: object) -> str | None:
    if str(value).strip().lower() in ("", "auto"):
        return None
    code = code_of(str(value))
    if code is None:
        raise ValueError
    return code


def _task(value: object) -> str:
    if value not in ("transcribe", "translate"):
        raise ValueError
    return str(value)


def _timestamps(value: object) -> str | None:
    if value in ("word", "segment"):
        return str(value)
    return "segment" if _boolean(value) else None


def _beams(value: object) -> int:
    if isinstance(value, bool) or not 1 <= int(str(value)) <= 20:
        raise ValueError
    return int(str(value))


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        raise ValueError
    return value.strip() or None


_KNOWN: dict[str, tuple[str, Callable[[object], object], str]] = {
    "language": ("language", _language, "`auto` or one of Whisper's language codes"),
    "task": ("task", _task, "transcribe or translate"),
    "return_timestamps": ("timestamps", _timestamps, "true, false or word"),
    "details": ("details", _boolean, "true or false"),
    "words": ("words", _boolean, "true or false"),
    "beam_size": ("beam_size", _beams, "a whole number from 1 to 20"),
    "num_beams": ("beam_size", _beams, "a whole number from 1 to 20"),
    "initial_prompt": ("initial_prompt", _text, "a text"),
    "hotwords": ("hotwords", _text, "a text"),
}


def parse(given: Mapping[str, object]) -> Parameters:
    """Raises a `validation` RequestError that names the parameter. None is as good as not given."""
    values: dict[str, object] = {}
    for name, value in _flat(given):
        if name in _IGNORED or value is None:
            continue
        if name not in _KNOWN:
            raise validation(f"unknown parameter {name!r}; the parameters are {', '.join(_KNOWN)}")
        field, read, takes = _KNOWN[name]
        try:
            values[field] = read(value)
        except ValueError:
            raise validation(f"{name} is {value!r}; it takes {takes}") from None
    asked = replace(Parameters(), **values)
    return replace(asked, words=True) if asked.timestamps == "word" else asked


def _flat(given: Mapping[str, object]) -> list[tuple[str, object]]:
    flat: list[tuple[str, object]] = []
    for name, value in given.items():
        if name not in _NESTED:
            flat.append((name, value))
            continue
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                value = json.loads(value)
        if value is not None and not isinstance(value, dict):
            raise validation(f"{name} is {value!r}; it takes an object")
        flat += _flat(value or {})
    return flat
