"""What a request's accuracy may cost: its windows, their padding, the search, and when it is repeated."""

from dataclasses import dataclass

from ..audio.features import Padding
from ..audio.windows import Pauses


@dataclass(frozen=True)
class Policy:
    """`beam_size`: of the search, if the request names none. `min_logprob`: a text whose mean log-probability
    is lower is decoded again at 30 s of padding.

    bench/accuracy has each policy's error rates and processor time.
    """

    pauses: Pauses
    padding: Padding
    beam_size: int
    min_logprob: float


FAST = Policy(Pauses(usual=0.5, short=1.25), Padding(silence=2.5), beam_size=5, min_logprob=-1.0)
BALANCED = FAST
BEST = FAST

POLICIES = {"fast": FAST, "balanced": BALANCED, "best": BEST}
