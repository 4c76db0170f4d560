"""What a request's accuracy may cost: the padding of its windows, the search, and further passes."""

from dataclasses import dataclass

from .padding import Padding


@dataclass(frozen=True)
class Policy:
    """`beam_size`: of the search, if the request names none. `hypotheses`: of each pass. `leads`: seconds of
    silence before the speech, one for each pass after the first. The text is chosen among the hypotheses of
    all passes.

    bench/accuracy has each policy's error rates and processor time.
    """

    padding: Padding
    beam_size: int
    hypotheses: int = 1
    leads: tuple[float, ...] = ()


_PADDING = Padding(silence=2.0, briefest=10.0)

FAST = Policy(_PADDING, beam_size=2)
BALANCED = Policy(_PADDING, beam_size=4)
BEST = Policy(_PADDING, beam_size=5, hypotheses=3, leads=(0.15,))

POLICIES = {"fast": FAST, "balanced": BALANCED, "best": BEST}
