"""What a request's accuracy may cost: the padding of its windows, and the search."""

from dataclasses import dataclass

from ..audio.features import Padding


@dataclass(frozen=True)
class Policy:
    """`beam_size`: of the search, if the request names none.

    bench/accuracy has each policy's error rates and processor time.
    """

    padding: Padding
    beam_size: int


FAST = Policy(Padding(silence=2.5), beam_size=5)
BALANCED = Policy(Padding(silence=4.0, shortest=14.5), beam_size=5)
BEST = Policy(Padding(silence=4.0, shortest=14.5, briefest=20.0), beam_size=10)

POLICIES = {"fast": FAST, "balanced": BALANCED, "best": BEST}
