"""The models that a process offers: their names, and what is known of them before they are loaded."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..languages import NAMES
from . import files, sources
from .install import ModelError

_END_OF_TEXT = "<|endoftext|>"
_MULTILINGUAL_END_OF_TEXT = 50257
"""Its token in the multilingual vocabulary. The vocabulary of the English-only models has one token less."""


@dataclass(frozen=True)
class Offer:
    """`setting`: the model as MODELS names it, None for the default. `name`: its id in requests and answers.
    `aliases`: other names that a request may use."""

    setting: str | None
    name: str
    aliases: tuple[str, ...]

    def is_called(self, name: str) -> bool:
        return name == self.name or name in self.aliases


@dataclass(frozen=True)
class Abilities:
    multilingual: bool
    languages: frozenset[str]


def offers(models: Sequence[str]) -> list[Offer]:
    """The models of the setting MODELS; the default model if it is empty.

    Raises ModelError if two have the same name, or if the first one is an invalid directory.
    """
    found = [_offer(model) for model in models] or [_offer(None)]
    names: dict[str, Offer] = {}
    for offer in found:
        for name in (offer.name, *offer.aliases):
            if other := names.get(name):
                raise ModelError(
                    f"MODELS has two models named {name} ({other.setting} and {offer.setting}): "
                    "remove one, or rename its directory."
                )
            names[name] = offer
    return found


def abilities(directory: Path) -> Abilities:
    """What a model can transcribe, from its tokenizer. Raises ModelError."""
    path = directory / "tokenizer.json"
    try:
        tokens = json.loads(path.read_bytes())["added_tokens"]
        numbers = {token["content"]: token["id"] for token in tokens}
        multilingual = numbers[_END_OF_TEXT] == _MULTILINGUAL_END_OF_TEXT
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is not the tokenizer of a Whisper model.") from error
    languages = frozenset(code for code in NAMES if f"<|{code}|>" in numbers)
    return Abilities(multilingual, languages if multilingual else frozenset({"en"}))


def _offer(model: str | None) -> Offer:
    name = _name(model)
    hub = sources.hub_names()
    repository = hub.get(name, name)
    same = {repository, *(short for short, full in hub.items() if full == repository)}
    return Offer(model, name, tuple(sorted(same - {name})))


def _name(model: str | None) -> str:
    if pinned := files.pinned_as(model):
        return pinned.name
    assert model is not None
    if not files.is_directory(model):
        return model
    # A directory that is missing yet, such as a volume, can still be named.
    found = files.present(model, Path())
    return found.name if found else Path(model).name
