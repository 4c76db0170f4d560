"""Memory that nothing uses any more goes back to the system."""

import asyncio
import ctypes
import gc

_IDLE = 1.0


class Memory:
    """glibc keeps what was freed between what is still in use; where there is another libc this does nothing."""

    def __init__(self):
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self._soon: asyncio.TimerHandle | None = None

    def busy(self) -> None:
        if self._soon:
            self._soon.cancel()

    def idle(self) -> None:
        """Gives it back when there has been nothing to do for a second."""
        self.busy()
        loop = asyncio.get_running_loop()
        self._soon = loop.call_later(_IDLE, loop.run_in_executor, None, self._release)

    def _release(self) -> None:
        # An exception holds the frames it went through, and they it: such circles may hold audio.
        gc.collect()
        if self._trim:
            self._trim(0)
