"""Several decodings of one window, each with another input, and the choice between their texts."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..audio.decoder import SAMPLE_RATE
from ..audio.windows import Window
from .decoding import Decoded

_FREQUENCY_WEIGHT = 0.3
_SHORTEST_SHARE = 0.75


@dataclass(frozen=True)
class Pass:
    """`hypotheses`: the most probable first. `features`: the encoder's output, for the times of words."""

    window: Window
    samples: np.ndarray
    features: np.ndarray
    hypotheses: Sequence[Decoded]

    def delayed(self, seconds: float) -> tuple[Window, np.ndarray]:
        """The same speech after that much silence. Its features differ, and so do the errors in its text."""
        count = int(seconds * SAMPLE_RATE)
        samples = np.concatenate([np.zeros(count, np.int16), self.samples])
        return replace(self.window, start=self.window.start - count), samples


def choose(passes: Sequence[Pass], log_frequency: Callable[[str], float]) -> tuple[Pass, Decoded]:
    """The best hypothesis, and its pass. Loops do not count; the first pass has a text that is none."""
    found = [decoded for each in passes for decoded in each.hypotheses if not decoded.looping]
    decoded = most_plausible(found, log_frequency)
    return next(each for each in passes if decoded in each.hypotheses), decoded


def most_plausible(hypotheses: Sequence[Decoded], log_frequency: Callable[[str], float]) -> Decoded:
    """The hypothesis whose text is probable to the model and has common words: a small model often writes
    words that do not exist.

    Equal texts add up their probabilities. log_frequency: the sum of the logarithms of the frequencies of a
    text's words. It favours short texts, so a text that is much shorter than the most probable one does not
    count.
    """
    least = _SHORTEST_SHARE * len(_plain(max(hypotheses, key=_total).text))
    groups: dict[str, list[Decoded]] = defaultdict(list)
    for decoded in hypotheses:
        plain = _plain(decoded.text)
        if len(plain) >= least:
            groups[plain].append(decoded)

    def score(group: list[Decoded]) -> float:
        probability = float(np.logaddexp.reduce([_total(decoded) for decoded in group]))
        return probability + _FREQUENCY_WEIGHT * log_frequency(group[0].text)

    best = max(groups.values(), key=score)
    return max(best, key=_total)


def _total(decoded: Decoded) -> float:
    """The log-probability of the whole text."""
    return decoded.logprob * (len(decoded.tokens) + 1)


def _plain(text: str) -> str:
    """Without case and punctuation."""
    letters = (character if character.isalnum() else " " for character in text.casefold())
    return " ".join("".join(letters).split())
