"""Which windows, of all requests in flight, the engine takes next."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from .features import FULL
from .request import Item, Request

_USUAL_BEAMS = 5
_OLDEST_EVERY = 4


@dataclass(frozen=True, eq=False)
class Batch:
    """`encoding`, or else decoding; `limit`: items it could have held."""

    encoding: bool
    items: list[Item]
    limit: int
    express: bool = False


class Queue:
    """Items that can be worked on now, in a fair order. Not safe for threads: the scheduler holds its lock.

    Requests take turns, window by window; a request's first window goes ahead of others' later ones, with none of
    them in its batch. Every fourth batch is led by the item that waits longest, so new requests starve nobody.

    size: items in a batch; workers: batches at once; encode_size: items in one encoding batch.
    """

    def __init__(self, *, size: int, workers: int, encode_size: int):
        self.size = size
        self._workers = workers
        self._encode_size = encode_size
        self._budget = size * FULL * _USUAL_BEAMS
        self._waiting: list[Item] = []
        self._running: list[Batch] = []
        self._arrivals = itertools.count()
        self._turn = 0
        self._led = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, item: Item) -> None:
        """A window that is new here."""
        item.turn = item.request.turn = max(self._turn, item.request.turn + 1)
        item.arrival = next(self._arrivals)
        self._waiting.append(item)

    def put_back(self, items: Iterable[Item]) -> None:
        """Items on their way keep the place they had."""
        self._waiting += [item for item in items if not item.request.gone]

    def drop(self, request: Request) -> None:
        self._waiting = [item for item in self._waiting if item.request is not request]

    def shrink(self, batch: Batch) -> None:
        """Memory did not suffice for a batch: half of it is the most from now on."""
        if batch.encoding:
            self._encode_size = max(1, len(batch.items) // 2)
        else:
            self._budget = max(1, sum(map(_cost, batch.items)) // 2)

    def take(self, *, express: bool = False) -> Batch | None:
        """The best batch now. express: only first windows of requests, while others' later ones hold all workers."""
        waiting = self._waiting
        if express:
            waiting = [item for item in waiting if item.first] if self._held_up() else []
        if not waiting:
            return None
        lead = self._lead(waiting)
        batch = self._batch(lead, waiting, express=express)
        self._turn = max(self._turn, lead.turn)
        taken = set(batch.items)
        self._waiting = [item for item in self._waiting if item not in taken]
        self._running.append(batch)
        return batch

    def done(self, batch: Batch) -> None:
        self._running.remove(batch)

    def _held_up(self) -> bool:
        usual = [batch for batch in self._running if not batch.express]
        return len(usual) >= self._workers and any(not item.first for batch in usual for item in batch.items)

    def _lead(self, waiting: list[Item]) -> Item:
        self._led += 1
        return min(waiting, key=_arrival if self._led % _OLDEST_EVERY == 0 else _rank)

    def _batch(self, lead: Item, waiting: list[Item], *, express: bool) -> Batch:
        if lead.encoded is None:
            return self._encoding(lead, waiting, express=express)
        mates = sorted((item for item in waiting if item.key == lead.key), key=_rank)
        # Company would make a short clip wait for a whole batch's longest text.
        ready = [item for item in mates if item.encoded is not None and (item.first or not lead.first)]
        limit = self._limit(lead)
        if len(ready) < limit and (raw := self._company(lead, waiting)):
            return self._encoding(min(raw, key=_rank), waiting, express=express)
        count = min(limit, self._share(lead, mates))
        return Batch(False, [lead, *(item for item in ready if item is not lead)][:count], limit, express)

    def _encoding(self, lead: Item, waiting: list[Item], *, express: bool) -> Batch:
        alike = [item for item in waiting if item.encoded is None and item.frames == lead.frames and item is not lead]
        items = [lead, *sorted(alike, key=_rank)][: self._encode_size]
        return Batch(True, items, self._encode_size, express)

    def _company(self, lead: Item, waiting: list[Item]) -> list[Item]:
        """What is better encoded before the lead is decoded, since decoding gains from company.

        Those that will join it, and those whose language it takes to know that of others that might; a request's
        first window does not wait for later ones, so that its text begins to come.
        """
        raw = [item for item in waiting if item.encoded is None and (item.first or not lead.first)]
        if self._coming(lead):
            return raw
        return [item for item in raw if item.key == lead.key or item.language is None]

    def _limit(self, lead: Item) -> int:
        return min(self.size, max(1, self._budget // _cost(lead)))

    def _coming(self, lead: Item) -> int:
        return sum(item.key == lead.key for batch in self._running if batch.encoding for item in batch.items)

    def _share(self, lead: Item, mates: list[Item]) -> int:
        """How many of these items a worker takes: all, unless another would have nothing to do."""
        others = len({item.key for item in self._waiting} - {lead.key})
        decoding = sum(not batch.encoding and not batch.express for batch in self._running)
        idle = max(1, self._workers - decoding - others)
        return -(-(len(mates) + self._coming(lead)) // idle)


def _cost(item: Item) -> int:
    return item.frames * item.request.asked.beam_size


def _rank(item: Item) -> tuple[bool, int, int]:
    return not item.first, item.turn, item.arrival


def _arrival(item: Item) -> int:
    return item.arrival
