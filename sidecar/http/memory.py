"""Returns unused memory to the system."""

import asyncio
import ctypes
import gc

_IDLE_SECONDS = 1.0
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_TRIM_THRESHOLD_BYTES = 512 << 20
_MMAP_THRESHOLD_BYTES = 32 << 20


class Memory:
    """glibc keeps freed memory that lies between used blocks. With another libc this class does nothing.

    While requests are in flight glibc keeps more freed memory than by default: a model allocates the same
    megabytes again and again, and pages that the kernel has to clear each time cost 5 % of the whole. So all
    threads share the main arena: in arenas of their own, no more than 64 MB are kept.
    """

    def __init__(self) -> None:
        libc = ctypes.CDLL(None)
        self._trim = getattr(libc, "malloc_trim", None)
        if self._trim:
            libc.mallopt(_TRIM_THRESHOLD, _TRIM_THRESHOLD_BYTES)
            libc.mallopt(_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)
            libc.mallopt(_ARENA_MAX, 1)
        self._timer: asyncio.TimerHandle | None = None

    def busy(self) -> None:
        if self._timer:
            self._timer.cancel()

    def idle(self) -> None:
        """Returns memory once the server has been idle for a second."""
        self.busy()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_IDLE_SECONDS, loop.run_in_executor, None, self.release)

    def release(self) -> None:
        """May be called from any thread. Takes some tenths of a second."""
        # An exception and the frames of its traceback refer to each other. Such a cycle can hold audio.
        gc.collect()
        if self._trim:
            self._trim(0)
