"""What a request's accuracy may cost: its windows, their padding, and the search."""

from dataclasses import dataclass

from ..audio.features import Padding
from ..audio.windows import Pauses


@dataclass(frozen=True)
class Policy:
    """`beam_size`: of the search, if the request names none.

    bench/accuracy has each policy's error rates and processor time.
    """

    pauses: Pauses
    padding: Padding
    beam_size: int


FAST = Policy(Pauses(usual=0.5, short=1.25), Padding(silence=2.5), beam_size=5)
BALANCED = Policy(Pauses(usual=1.5, short=1.5), Padding(silence=4.0, shortest=14.5), beam_size=5)
BEST = Policy(Pauses(usual=1.5, short=1.5), Padding(silence=10.0, shortest=20.0), beam_size=10)

POLICIES = {"fast": FAST, "balanced": BALANCED, "best": BEST}
