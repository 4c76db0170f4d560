"""Windows → batches whose windows are padded to one length."""

import itertools
from collections.abc import Sequence

from .features import padded
from .windows import Window

Batch = tuple[int, list[int]]
"""Mel frames, and the windows' places in the sequence they came from."""


def plan(windows: Sequence[Window], *, size: int, workers: int) -> list[Batch]:
    """Batches of at most `size`, the longest first, enough of them that every worker has one.

    Windows of like length share a batch: padding one by a second more costs less than decoding it alone.
    """
    if not windows:
        return []
    order = sorted(range(len(windows)), key=lambda i: -windows[i].samples)
    count = min(len(order), max(workers, -(-len(order) // size)))
    edges = [len(order) * i // count for i in range(count + 1)]
    groups = [order[begin:end] for begin, end in itertools.pairwise(edges)]
    return [(padded(windows[group[0]].seconds), group) for group in groups]
