"""Memory that nothing uses any more goes back to the system."""

import asyncio
import ctypes
import gc

_IDLE = 1.0
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = 512 << 20
_LARGEST_ON_HEAP = 32 << 20


class Memory:
    """glibc keeps what was freed between what is still in use; where there is another libc this does nothing.

    While there is work it keeps more than it would by itself: a model asks for the same megabytes again and again, and
    pages that the system has to clear each time cost a twentieth of the whole.
    """

    def __init__(self):
        libc = ctypes.CDLL(None)
        self._trim = getattr(libc, "malloc_trim", None)
        if self._trim:
            libc.mallopt(_TRIM_THRESHOLD, _KEPT)
            libc.mallopt(_MMAP_THRESHOLD, _LARGEST_ON_HEAP)
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
