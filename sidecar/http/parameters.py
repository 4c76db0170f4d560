"""Parses a request's parameters, from the query or from a JSON body as Hugging Face's clients write it."""

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import validation
from ..inference.parameters import Parameters
from ..inference.quality import POLICIES, Policy
from ..languages import code_of

_NESTED = ("generate_kwargs", "generation_parameters", "generation_kwargs")

# Hugging Face's parameters that this server decides by itself.
_IGNORED = frozenset(
    """batch_size chunk_length_s compression_ratio_threshold condition_on_prev_tokens do_sample early_stopping
    epsilon_cutoff eta_cutoff is_multilingual logprob_threshold max_length max_new_tokens min_length
    min_new_tokens no_repeat_ngram_size no_speech_threshold num_beam_groups num_return_sequences
    options penalty_alpha provider repetition_penalty return_language seed stride_length_s temperature top_k
    top_p typical_p use_cache wait_for_model""".split()  # noqa: SIM905
)


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


def _languages(value: object) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else str(value).split(",")
    codes = [code_of(str(text)) for text in texts if str(text).strip()]
    if None in codes:
        raise ValueError
    return tuple(dict.fromkeys(code for code in codes if code is not None))


def _task(value: object) -> str:
    if value not in ("transcribe", "translate", "diarize"):
        raise ValueError
    return str(value)


def _timestamps(value: object) -> str | None:
    if value in ("word", "segment"):
        return str(value)
    return "segment" if _boolean(value) else None


def _beam_size(value: object) -> int:
    if isinstance(value, bool) or not 1 <= int(str(value)) <= 20:
        raise ValueError
    return int(str(value))


def _context(value: object) -> float:
    if isinstance(value, bool) or not 0 <= float(str(value)) <= 30:
        raise ValueError
    return float(str(value))


def _quality(value: object) -> Policy:
    if value not in POLICIES:
        raise ValueError
    return POLICIES[str(value)]


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        raise ValueError
    return value.strip() or None


_KNOWN: dict[str, tuple[str, Callable[[object], object], str]] = {
    "model": ("model", _text, "the name of a model"),
    "language": ("language", _language, "`auto` or one of Whisper's language codes"),
    "language_hint": ("language_hint", _boolean, "true or false"),
    "languages": ("languages", _languages, "Whisper's language codes, separated by commas"),
    "task": ("task", _task, "transcribe, translate or diarize"),
    "return_timestamps": ("timestamps", _timestamps, "true, false or word"),
    "details": ("details", _boolean, "true or false"),
    "words": ("words", _boolean, "true or false"),
    "quality": ("policy", _quality, ", ".join(POLICIES)),
    "beam_size": ("beam_size", _beam_size, "a whole number from 1 to 20"),
    "num_beams": ("beam_size", _beam_size, "a whole number from 1 to 20"),
    "initial_prompt": ("initial_prompt", _text, "a text"),
    "hotwords": ("hotwords", _text, "a text"),
    "speakers": ("speakers", _boolean, "true or false"),
    "context_before": ("context_before", _context, "seconds from 0 to 30"),
    "context_after": ("context_after", _context, "seconds from 0 to 30"),
}


def parse(fields: Mapping[str, object]) -> Parameters:
    """Raises a `validation` RequestError that names the parameter. None counts as absent."""
    values: dict[str, Any] = {}
    for name, value in _flatten(fields):
        if name in _IGNORED or value is None:
            continue
        if name not in _KNOWN:
            raise validation(f"unknown parameter {name!r}; the parameters are {', '.join(_KNOWN)}")
        field, parse_value, takes = _KNOWN[name]
        try:
            values[field] = parse_value(value)
        except ValueError:
            raise validation(f"{name} is {value!r}; it takes {takes}") from None
    if "policy" in values:
        values.setdefault("beam_size", values["policy"].beam_size)
    parameters = replace(Parameters(), **values)
    if parameters.languages and parameters.language is not None:
        raise validation(f"languages needs the language auto, and it is {parameters.language!r}")
    if parameters.task == "diarize":
        parameters = replace(parameters, speakers=True)
    return replace(parameters, words=True) if parameters.timestamps == "word" else parameters


def _flatten(fields: Mapping[str, object]) -> list[tuple[str, object]]:
    flat: list[tuple[str, object]] = []
    for name, value in fields.items():
        if name not in _NESTED:
            flat.append((name, value))
            continue
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                value = json.loads(value)
        if value is not None and not isinstance(value, dict):
            raise validation(f"{name} is {value!r}; it takes an object")
        flat += _flatten(value or {})
    return flat
