"""Shares the workers of a device between several models."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Gate:
    """At most `workers` batches at once, and one express batch, of all models together. A worker that becomes
    free during an express batch waits for its end, so that the cores have no more work than usual.

    A model alone gets all workers. If several have work, the one that was served for the least time gets the
    next free worker. A model that had no work gets no credit for that time: it begins level with the others.
    """

    def __init__(self, workers: int, clock: Callable[[], float] = time.perf_counter):
        self.lock = threading.Condition()
        self.clock = clock
        self._workers = workers
        self._free = workers
        self._express_free = True
        self._floor = 0.0
        self._shares: list[Share] = []

    def join(self) -> "Share":
        share = Share(self)
        with self.lock:
            self._shares.append(share)
        return share

    def remove(self, share: "Share") -> None:
        self._shares.remove(share)

    def has_one_batch(self) -> bool:
        """Whether all workers but one are free."""
        return self._free == self._workers - 1

    def may_overtake(self) -> bool:
        """Whether an express batch may run: later windows of requests hold all workers."""
        running = [turn for share in self._shares for turn in share.running]
        return self._express_free and self._free == 0 and any(turn.later for turn in running)

    def take_express(self) -> bool:
        if not self.may_overtake():
            return False
        self._express_free = False
        self._free -= 1
        return True

    def release(self, share: "Share", *, express: bool) -> None:
        self._raise_floor([share])
        if express:
            self._express_free = True
        self._free += 1
        self.grant()

    def grant(self) -> None:
        """Gives free workers to the models that wait for one."""
        while self._free > 0:
            waiting = [share for share in self._shares if share.waiting > share.granted]
            if not waiting:
                break
            least = min(waiting, key=lambda share: share.served)
            least.granted += 1
            self._free -= 1
        self.lock.notify_all()

    def floor(self) -> float:
        """What a model that begins to have work counts as served: as much as the least served one."""
        self._raise_floor([])
        return self._floor

    def _raise_floor(self, shares: list["Share"]) -> None:
        served = [share.served for share in (*shares, *self._shares) if share in shares or share.active]
        self._floor = max(self._floor, min(served, default=0.0))


class Turn:
    """The time in which a model holds a worker. `later`: its batch has later windows of requests."""

    def __init__(self, started: float):
        self.started = started
        self.later = False


class Share:
    """One model's part of the workers. The gate's lock guards all but `turn`, `has_one_batch` and
    `may_overtake`.

    `waiting`: threads that wait for a worker, of which `granted` have got one.
    """

    def __init__(self, gate: Gate):
        self._gate = gate
        self._served = 0.0
        self._left = False
        self.waiting = 0
        self.granted = 0
        self.running: set[Turn] = set()

    @property
    def active(self) -> bool:
        return self.waiting > 0 or bool(self.running)

    @property
    def served(self) -> float:
        """Seconds of workers, up to now."""
        now = self._gate.clock()
        return self._served + sum(now - turn.started for turn in self.running)

    def has_one_batch(self) -> bool:
        with self._gate.lock:
            return self._gate.has_one_batch()

    def may_overtake(self) -> bool:
        with self._gate.lock:
            return self._gate.may_overtake()

    @contextmanager
    def turn(self, *, express: bool = False) -> Iterator[Turn | None]:
        """Holds a worker while the block runs. Waits for one; None if the share has left meanwhile. express:
        does not wait; None if no express batch may run."""
        gate = self._gate
        with gate.lock:
            turn = self._enter(express=express)
        try:
            yield turn
        finally:
            if turn:
                with gate.lock:
                    self.running.discard(turn)
                    self._served += gate.clock() - turn.started
                    gate.release(self, express=express)

    def _enter(self, *, express: bool) -> Turn | None:
        gate = self._gate
        if not self.active:
            self._served = max(self._served, gate.floor())
        if express:
            if not gate.take_express():
                return None
        elif not self._wait():
            return None
        turn = Turn(gate.clock())
        self.running.add(turn)
        return turn

    def _wait(self) -> bool:
        gate = self._gate
        self.waiting += 1
        gate.grant()
        while not self.granted and not self._left:
            gate.lock.wait()
        self.waiting -= 1
        if not self.granted:
            return False
        self.granted -= 1
        return True

    def leave(self) -> None:
        """Wakes the waiting threads. The model has no more work."""
        with self._gate.lock:
            self._left = True
            self._gate.remove(self)
            self._gate.lock.notify_all()
