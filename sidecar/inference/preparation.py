"""Computes what the encoder takes, before the engine's threads need it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from ..settings import cores
from .request import Item

# More threads than cores would only take the cores from the engine's threads. All models share the cores.
_LIMIT = threading.Semaphore(max(2, cores()))


class Preparation:
    """Bounds how many request threads cut and prepare windows at once.

    prepare: computes one item's mel spectrogram. device: of the engine.
    """

    def __init__(self, prepare: Callable[[Item], None], *, device: str):
        self._prepare = prepare
        self.limit = _LIMIT
        # On a CPU the engine uses all cores; a GPU would wait for the one core that prepares its input.
        self.pool = ThreadPoolExecutor(cores(), "prepare") if device != "cpu" and cores() > 1 else None

    def prepared(self, items: Sequence[Item]) -> Iterator[Item]:
        """The same items in the same order, each with its mel spectrogram."""
        if self.pool:
            yield from self.pool.map(self._prepared, items)
        else:
            for item in items:
                with self.limit:
                    yield self._prepared(item)

    def close(self) -> None:
        if self.pool:
            self.pool.shutdown()

    def _prepared(self, item: Item) -> Item:
        self._prepare(item)
        return item
