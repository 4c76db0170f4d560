"""The cost of a process so far, from /proc; None if there is no /proc."""

import os
from contextlib import suppress
from pathlib import Path


def cpu_seconds(pid: int) -> float | None:
    times = _times(pid)
    return None if times is None else sum(times)


def user_seconds(pid: int) -> float | None:
    """Without system time, which depends more on what else runs."""
    times = _times(pid)
    return None if times is None else times[0]


def _times(pid: int) -> tuple[float, float] | None:
    """User and system time."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    tick = os.sysconf("SC_CLK_TCK")
    return int(fields[11]) / tick, int(fields[12]) / tick


def forget_peak(pid: int) -> None:
    """Resets `peak_mb`."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mb(pid: int) -> float | None:
    """Peak resident memory, in MiB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), None)


def cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
