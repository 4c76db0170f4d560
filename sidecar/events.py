"""Events for the parent process on stdout: one JSON object per line, with its kind in `event`."""

import json
import sys


def emit(event: str, **fields: object) -> None:
    try:
        print(json.dumps({"event": event, **fields}, ensure_ascii=False), flush=True)
    except BrokenPipeError:
        sys.stdout = open("/dev/null", "w")  # The parent closed the pipe; keep serving.


def model_progress(message: str, done: int, total: int | None) -> None:
    emit("progress", step="model", message=message, bytes=done, total=total)
