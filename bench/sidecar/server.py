"""The sidecar under test, as a process with an HTTP client."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = {"language": "en"}


class ServerError(Exception):
    pass


class Server:
    """`python -m MODULE` with `environment` on top of this process's own. Ready on entry. `quality`: of
    requests that name none."""

    def __init__(self, environment: dict[str, str], *, module: str = "sidecar", quality: str = "balanced"):
        self.module = module
        self._parameters = {**ENGLISH, "quality": quality}
        self.environment = {
            "HOST": "127.0.0.1",
            "PORT": "0",
            "API_KEY": "",
            "MAX_AUDIO_SECONDS": "86400",
            **environment,
        }

    def __enter__(self) -> "Server":
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module, "--exit-with-stdin"],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
        )
        self.port = 0
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "ready":
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return self
            self.port = event.get("port", self.port)
        self.__exit__(None, None, None)
        raise ServerError(f"the sidecar did not start with {self.environment}: {self._last_words()}")

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def pid(self) -> int:
        return self.process.pid

    def transcribe(self, path: Path, **parameters: object) -> str:
        """Sends one request. Raises ServerError for any status but 200."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=7200)
        try:
            with path.open("rb") as body:
                headers = {"Content-Type": "audio/wav", "Content-Length": str(path.stat().st_size)}
                query = urlencode({**self._parameters, **parameters})
                connection.request("POST", f"/generate?{query}", body, headers)
                response = connection.getresponse()
                content = response.read()
        except OSError as error:
            raise ServerError(
                f"the connection to the sidecar failed ({error}): {self._last_words()}"
            ) from error
        finally:
            connection.close()
        if response.status != 200:
            raise ServerError(
                f"the sidecar returned {response.status}: {content[:300].decode(errors='replace')}"
            )
        return json.loads(content)["text"]

    def transcribe_all(self, paths: Iterable[Path], *, concurrency: int, **parameters: object) -> list[str]:
        """The texts in the order of `paths`, with `concurrency` requests at a time."""
        with ThreadPoolExecutor(concurrency) as pool:
            return list(pool.map(lambda path: self.transcribe(path, **parameters), paths))

    def _last_words(self) -> str:
        self.log.seek(0)
        return self.log.read()[-2000:].decode(errors="replace").strip() or "it logged nothing"
