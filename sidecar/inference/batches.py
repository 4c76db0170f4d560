"""Chooses the windows, of all requests in flight, that the engine processes next."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from ..audio.features import FULL
from .padding import FRAMES_PER_POSITION
from .request import Item, Request

_DEFAULT_BEAM_SIZE = 5
_OLDEST_FIRST_EVERY = 4


@dataclass(frozen=True, eq=False)
class Batch:
    """An encoding batch if `encoding`, else a decoding batch. `limit`: items it could have held."""

    encoding: bool
    items: list[Item]
    limit: int
    express: bool = False


class Queue:
    """Items that can be processed now, in a fair order. Not thread-safe: the scheduler holds its lock.

    Requests alternate, window by window; those with equal shares alternate with others as one, in the order
    in which they came, so that the first of them ends before the last has begun. A request's first window
    goes ahead of other requests' later windows, in a batch without them; that of a request which is the only
    one of its share also goes ahead of those of several with one share. Every fourth batch is led by the item
    that has waited longest, so that new requests starve no old one.

    size: items per batch. workers: batches at once. encode_size: items per encoding batch. spread: a worker
    takes its part of all that waits, since a larger batch is not faster, and the others would have nothing
    left while it is decoded. Otherwise it takes all that it can, unless another worker is idle.
    """

    def __init__(self, *, size: int, workers: int, encode_size: int, spread: bool):
        self.size = size
        self._spread = spread
        self._workers = workers
        self._encode_size = encode_size
        self._budget = size * FULL // FRAMES_PER_POSITION * _DEFAULT_BEAM_SIZE
        self._waiting: list[Item] = []
        self._running: list[Batch] = []
        self._arrivals = itertools.count()
        self._round = 0
        self._led = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def has_first(self) -> bool:
        """Whether the first window of a request waits."""
        return any(item.first for item in self._waiting)

    def add(self, item: Item) -> None:
        """Adds a new window."""
        turns = item.request.turns
        item.round = turns.last = max(self._round, turns.last + 1)
        item.arrival = next(self._arrivals)
        self._waiting.append(item)
        if turns.requests > 1:
            _put_in_order([each for each in self._waiting if each.request.turns is turns])

    def put_back(self, items: Iterable[Item]) -> None:
        """Returns items to the queue with the rank they had."""
        self._waiting += [item for item in items if not item.request.abandoned]

    def drop(self, request: Request) -> None:
        self._waiting = [item for item in self._waiting if item.request is not request]

    def shrink(self, batch: Batch) -> None:
        """Memory did not suffice for this batch: from now on half of it is the limit."""
        if batch.encoding:
            self._encode_size = max(1, len(batch.items) // 2)
        else:
            self._budget = max(1, sum(map(_cost, batch.items)) // 2)

    def take(self, *, express: bool = False) -> Batch | None:
        """The best batch now. express: only first windows."""
        waiting = [item for item in self._waiting if item.first] if express else self._waiting
        if not waiting:
            return None
        lead = self._lead(waiting)
        batch = self._batch(lead, waiting, express=express)
        self._round = max(self._round, lead.round)
        batched = set(batch.items)
        self._waiting = [item for item in self._waiting if item not in batched]
        self._running.append(batch)
        return batch

    def done(self, batch: Batch) -> None:
        self._running.remove(batch)

    def _lead(self, waiting: list[Item]) -> Item:
        self._led += 1
        return min(waiting, key=_arrival if self._led % _OLDEST_FIRST_EVERY == 0 else _rank)

    def _batch(self, lead: Item, waiting: list[Item], *, express: bool) -> Batch:
        if lead.encoded is None:
            return self._encoding(lead, waiting, express=express)
        mates = sorted((item for item in waiting if item.key == lead.key), key=_rank)
        # Windows that go later would make a short clip wait for the longest text of its batch.
        ready = [item for item in mates if item.encoded is not None and item.standing <= lead.standing]
        limit = self._limit(lead)
        if len(ready) < limit and (unencoded := self._encode_first(lead, waiting)):
            return self._encoding(min(unencoded, key=_rank), waiting, express=express)
        count = min(limit, self._share(lead, mates))
        others = [item for item in ready if item is not lead]
        return Batch(False, [lead, *_like(lead, others, count - 1)], limit, express)

    def _encoding(self, lead: Item, waiting: list[Item], *, express: bool) -> Batch:
        same_length = [
            item
            for item in waiting
            if item.encoded is None and item.frames == lead.frames and item is not lead
        ]
        items = [lead, *sorted(same_length, key=_rank)][: self._encode_size]
        return Batch(True, items, self._encode_size, express)

    def _encode_first(self, lead: Item, waiting: list[Item]) -> list[Item]:
        """The windows to encode before the lead is decoded, since larger decoding batches are faster.

        These are the windows that will join the lead's batch, and those without a language: theirs may decide
        that of windows that could join. A request's first window does not wait for later ones, so that its
        text is returned early.
        """
        unencoded = [item for item in waiting if item.encoded is None and item.standing <= lead.standing]
        if self._encoding_mates(lead):
            return unencoded
        return [item for item in unencoded if item.key == lead.key or item.language is None]

    def _limit(self, lead: Item) -> int:
        return min(self.size, max(1, self._budget // _cost(lead)))

    def _encoding_mates(self, lead: Item) -> int:
        return sum(item.key == lead.key for batch in self._running if batch.encoding for item in batch.items)

    def _share(self, lead: Item, mates: list[Item]) -> int:
        """How many of these items one worker takes."""
        if self._spread:
            waiting = sum(item.positions for item in self._waiting)
            return -(-waiting // (self._workers * lead.positions))
        others = len({item.key for item in self._waiting} - {lead.key})
        decoding = sum(not batch.encoding and not batch.express for batch in self._running)
        idle = max(1, self._workers - decoding - others)
        return -(-(len(mates) + self._encoding_mates(lead)) // idle)


def _put_in_order(items: list[Item]) -> None:
    """The windows of earlier requests get the earlier of these items' turns."""
    rounds = sorted(item.round for item in items)
    items.sort(key=lambda item: (item.request.number, item.index))
    for item, turn in zip(items, rounds, strict=True):
        item.round = turn


def _cost(item: Item) -> int:
    return item.positions * item.request.parameters.beam_size


def _rank(item: Item) -> tuple[int, int, int]:
    return item.standing, item.round, item.arrival


def _like(lead: Item, ranked: list[Item], count: int) -> list[Item]:
    """`count` of these items: of the best twice as many, those whose length is nearest to the lead's. A batch
    takes as long as its longest text."""
    candidates = ranked[: 2 * count]

    def unlike(item: Item) -> tuple[int, int]:
        return item.standing, abs(item.window.samples - lead.window.samples)

    return sorted(candidates, key=unlike)[:count]


def _arrival(item: Item) -> int:
    return item.arrival
