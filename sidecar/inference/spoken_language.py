"""The language that was spoken in a request, whatever language its text was decoded in."""

from dataclasses import dataclass

import numpy as np

_HALF_WEIGHT_SECONDS = 0.5
_MIN_PROBABILITY = 1e-6
_CHANGE_PROBABILITY = 0.2


@dataclass(frozen=True)
class SpokenLanguage:
    """`probability`: the share of the speech that is in this language, as far as the model can tell."""

    code: str
    probability: float


class LanguageEvidence:
    """The language probabilities of a request's windows.

    Windows are the observations of a hidden Markov model whose state is the language: neighbours confirm each
    other, and a language that is spoken in one part of the request does not count for the other parts. The
    constants are fitted so that at least nine in ten requests with a probability of 0.9 are right. A window
    of 1 s counts two thirds as much as a long one.
    """

    def __init__(self) -> None:
        self._codes: list[str] = []
        self._likelihoods: list[np.ndarray] = []
        self._seconds: list[float] = []

    def add(self, probabilities: dict[str, float], seconds: float) -> None:
        """Adds the next window, with its seconds of speech."""
        self._codes = self._codes or sorted(probabilities)
        own = np.maximum([probabilities[code] for code in self._codes], _MIN_PROBABILITY)
        likelihood = own ** (seconds / (seconds + _HALF_WEIGHT_SECONDS))
        self._likelihoods.append((likelihood / likelihood.sum()).astype(np.float32))
        self._seconds.append(seconds)

    def conclude(self) -> SpokenLanguage | None:
        """The language with the most speech; None if there is no speech."""
        if not self._likelihoods:
            return None
        posteriors = self._posteriors()
        shares = np.average(posteriors, axis=0, weights=self._seconds)
        best = int(shares.argmax())
        return SpokenLanguage(self._codes[best], float(shares[best]))

    def _posteriors(self) -> np.ndarray:
        """[windows, languages], by the forward-backward algorithm."""
        likelihoods = np.array(self._likelihoods, np.float64)
        forward, backward = np.empty_like(likelihoods), np.empty_like(likelihoods)
        state = np.full(len(self._codes), 1 / len(self._codes))
        for i, likelihood in enumerate(likelihoods):
            state = _normalized(_moved(state) * likelihood)
            forward[i] = state
        state = np.ones(len(self._codes))
        for i in range(len(likelihoods) - 1, -1, -1):
            backward[i] = state
            state = _normalized(_moved(state * likelihoods[i]))
        posteriors = forward * backward
        posteriors /= posteriors.sum(axis=1, keepdims=True)
        return posteriors


def _moved(state: np.ndarray) -> np.ndarray:
    """The state after a possible change of language between two windows."""
    moved: np.ndarray = (1 - _CHANGE_PROBABILITY) * state + _CHANGE_PROBABILITY * state.mean()
    return moved


def _normalized(state: np.ndarray) -> np.ndarray:
    normalized: np.ndarray = state / state.sum()
    return normalized
