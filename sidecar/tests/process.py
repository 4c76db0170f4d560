"""The sidecar as a separate process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Process:
    def __init__(self, *arguments: str, **settings: str):
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "sidecar", *arguments],
            cwd=ROOT,
            env={**os.environ, "HOST": "127.0.0.1", "PORT": "0", **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = 0

    def __enter__(self) -> "Process":
        self.port = self.wait_for("listening")["port"]
        return self

    def __exit__(self, *_: object) -> None:
        self._popen.kill()
        self._popen.wait()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, name: str) -> dict[str, Any]:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == name:
                return event
        raise AssertionError(f"the process ended without the event {name!r}")

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def close_stdin(self) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.close()

    def exit_code(self) -> int:
        return self._popen.wait(timeout=60)
