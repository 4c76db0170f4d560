"""Which models are loaded: each on first use, as long as there is room."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import anyio.to_thread

from .catalog import Offer
from .install import ModelError

log = logging.getLogger("sidecar")

T = TypeVar("T")
R = TypeVar("R")

RETRY_SECONDS = 15
"""After a failure, requests get its error for so long before the model is loaded again."""


class UnknownModel(Exception):
    """One sentence."""


class ModelBusy(Exception):
    """One clause: the model is not loaded yet. The same request can succeed soon."""


class Loader(Protocol[T]):
    """Loads one model. Each method runs on a thread of its own, and may take minutes."""

    def size(self, offer: Offer) -> int:
        """The bytes of memory that the loaded model will take. Downloads its files if needed. Raises
        ModelError."""

    def load(self, offer: Offer) -> T:
        """Raises ModelError."""

    def unload(self, loaded: T) -> None:
        """Stops what `load` started. Nothing uses it any more."""

    def unloaded(self) -> None:
        """Called once no reference to the model is left."""


@dataclass(eq=False)
class Entry(Generic[T]):
    """One model. Its states: unloaded, changing (`task` loads or unloads it), loaded.

    `size`: bytes of memory that it has or will have. `users`: requests that hold it or wait for it. `used`:
    when the last one ended. `failure`: why the last attempt to load it failed; until `retry_at` requests get
    it without another attempt.
    """

    offer: Offer
    loaded: T | None = None
    task: asyncio.Task[None] | None = None
    size: int = 0
    users: int = 0
    used: float = 0.0
    loads: int = 0
    failure: ModelError | ModelBusy | None = None
    retry_at: float = 0.0
    timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        return self.loaded is not None and self.task is None and not self.users


class Registry(Generic[T]):
    """Only for the event loop's thread. Its threads load and unload.

    The first model is the default: it is unloaded only if another model needs its memory. Any other model is
    also unloaded once it was idle for `idle_seconds` (0: never). memory: bytes for all models together, None:
    unlimited. If they do not suffice, the model that has been idle for longest is unloaded. If none is idle,
    a request waits up to `wait_seconds` for memory; it waits as long for a model that is being loaded.
    """

    def __init__(
        self,
        offers: Sequence[Offer],
        loader: Loader[T],
        *,
        idle_seconds: float,
        memory: int | None,
        wait_seconds: float,
    ):
        self.entries = [Entry[T](offer) for offer in offers]
        self._loader = loader
        self._idle_seconds = idle_seconds
        self._memory = memory
        self._wait_seconds = wait_seconds
        self._changed = asyncio.Event()
        self._threads = anyio.CapacityLimiter(2 * len(self.entries))

    @property
    def default(self) -> Entry[T]:
        return self.entries[0]

    @property
    def size(self) -> int:
        """Bytes of memory of the models that are loaded or being loaded."""
        return sum(entry.size for entry in self.entries)

    def find(self, name: str | None) -> Entry[T] | None:
        """The model of this id or alias. None stands for the default model."""
        if name is None:
            return self.default
        return next((entry for entry in self.entries if entry.offer.is_called(name)), None)

    def require(self, name: str | None) -> Entry[T]:
        """Raises UnknownModel."""
        entry = self.find(name)
        if entry is None:
            names = ", ".join(" or ".join([e.offer.name, *e.offer.aliases]) for e in self.entries)
            raise UnknownModel(f"model is {name!r}; the models are {names}")
        return entry

    @asynccontextmanager
    async def lease(self, entry: Entry[T]) -> AsyncIterator[T]:
        """The loaded model. It stays loaded while the block runs. Raises ModelError or ModelBusy."""
        entry.users += 1
        if entry.timer:
            entry.timer.cancel()
        try:
            yield await self._loaded(entry, self._wait_seconds)
        finally:
            entry.users -= 1
            entry.used = time.monotonic()
            self._changed.set()
            if not entry.users:
                self._unload_when_idle(entry)

    async def preload(self) -> T:
        """Loads the default model, however long it takes. Raises ModelError or ModelBusy."""
        return await self._loaded(self.default, math.inf)

    async def _loaded(self, entry: Entry[T], seconds: float) -> T:
        deadline = time.monotonic() + seconds
        while entry.loaded is None or entry.task is not None:
            if entry.task is None:
                if entry.failure and time.monotonic() < entry.retry_at:
                    raise _again(entry.failure)
                entry.task = asyncio.create_task(self._load(entry))
            # The task goes on if this request ends: others may wait for it.
            await asyncio.wait({entry.task}, timeout=max(0.0, deadline - time.monotonic()))
            if entry.task is not None and time.monotonic() >= deadline:
                raise ModelBusy(f"the model {entry.offer.name} is being loaded")
            if entry.loaded is None and entry.failure:
                raise _again(entry.failure)
        return entry.loaded

    async def _load(self, entry: Entry[T]) -> None:
        started = time.monotonic()
        try:
            size = await self._run(self._loader.size, entry.offer)
            await self._make_room(entry, size)
            entry.size = size
            entry.loaded = await self._run(self._loader.load, entry.offer)
            entry.failure, entry.used = None, time.monotonic()
            entry.loads += 1
            log.info("loaded %s in %.1f s", entry.offer.name, time.monotonic() - started)
        except (ModelError, ModelBusy) as error:
            self._fail(entry, error)
        except Exception as error:
            log.exception("loading %s failed", entry.offer.name)
            self._fail(entry, ModelError(f"The model {entry.offer.name} cannot be loaded: {error}"))
        finally:
            entry.task = None
            self._changed.set()

    def _fail(self, entry: Entry[T], error: ModelError | ModelBusy) -> None:
        log.error("%s", error)
        entry.failure = _again(error)
        # After a lack of memory the next request tries again at once.
        entry.retry_at = time.monotonic() + (RETRY_SECONDS if isinstance(error, ModelError) else 0)
        entry.size = 0

    async def _make_room(self, entry: Entry[T], size: int) -> None:
        if self._memory is None:
            return
        if size > self._memory:
            raise ModelError(
                f"The model {entry.offer.name} needs about {size} bytes of memory, and MODEL_MEMORY_BYTES is "
                f"{self._memory}: raise it, or choose a smaller model or COMPUTE_TYPE."
            )
        deadline = time.monotonic() + self._wait_seconds
        while self.size + size > self._memory:
            idle = min((e for e in self.entries if e.idle), key=lambda e: e.used, default=None)
            if idle:
                idle.task = asyncio.create_task(self._unload(idle))
                await idle.task
            elif not await self._wait_for_change(deadline - time.monotonic()):
                raise ModelBusy(
                    f"there is no memory for the model {entry.offer.name} while others are in use "
                    "(MODEL_MEMORY_BYTES)"
                )

    async def _wait_for_change(self, seconds: float) -> bool:
        self._changed.clear()
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _unload_when_idle(self, entry: Entry[T]) -> None:
        if entry is self.default or not self._idle_seconds:
            return

        def unload() -> None:
            if entry.idle:
                entry.task = asyncio.create_task(self._unload(entry))

        entry.timer = asyncio.get_running_loop().call_later(self._idle_seconds, unload)

    async def _unload(self, entry: Entry[T]) -> None:
        def unload() -> None:
            loaded, entry.loaded = entry.loaded, None
            if loaded is not None:
                self._loader.unload(loaded)
            del loaded
            self._loader.unloaded()

        try:
            await self._run(unload)
            log.info("unloaded %s", entry.offer.name)
        finally:
            entry.task = None
            entry.size = 0
            self._changed.set()

    async def _run(self, function: Callable[..., R], *arguments: object) -> R:
        # Unlike asyncio's, anyio's threads do not delay the end of the process.
        return await anyio.to_thread.run_sync(
            function, *arguments, abandon_on_cancel=True, limiter=self._threads
        )


def _again(error: ModelError | ModelBusy) -> ModelError | ModelBusy:
    """A copy without the frames that the error went through: they would keep parts of the model alive."""
    return type(error)(str(error))
