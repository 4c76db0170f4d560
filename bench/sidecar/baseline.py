"""faster-whisper in its own process: `python -m bench.sidecar.baseline MODEL DEVICE COMPUTE_TYPE THREADS`.

Reads one JSON request per line on stdin, and writes one response per line on stdout. Ends with stdin.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {"language": "en", "beam_size": 5}


class BaselineError(Exception):
    pass


class Baseline:
    """On entry, the model is loaded and has transcribed once."""

    def __init__(
        self, model: Path, *, device: str, compute_type: str, threads: int, environment: dict[str, str]
    ):
        self.arguments = [str(model), device, compute_type, str(threads)]
        self.environment = environment

    def __enter__(self) -> "Baseline":
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.sidecar.baseline", *self.arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def pid(self) -> int:
        return self.process.pid

    def sequential(self, *paths: Path, **options: object) -> list[str]:
        """Transcribes one file after another with `WhisperModel.transcribe`."""
        return self._ask(
            mode="sequential", paths=[str(path) for path in paths], options={**SETTINGS, **options}
        )

    def batched(self, path: Path, *, batch: int, **options: object) -> list[str]:
        """Transcribes with `BatchedInferencePipeline`."""
        return self._ask(
            mode="batched", paths=[str(path)], options={**SETTINGS, "batch_size": batch, **options}
        )

    def _ask(self, **request: object) -> list[str]:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> list[str]:
        line = self.process.stdout.readline()
        if not line:
            raise BaselineError("faster-whisper's process ended: see its output above")
        return json.loads(line)


def main(model: str, device: str, compute_type: str, threads: str) -> None:
    import numpy as np
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    whisper = WhisperModel(model, device=device, compute_type=compute_type, cpu_threads=int(threads))
    pipeline = BatchedInferencePipeline(whisper)
    list(whisper.transcribe(np.zeros(16000, np.float32), language="en")[0])
    print("[]", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        transcribe = pipeline.transcribe if request["mode"] == "batched" else whisper.transcribe
        answers = []
        for path in request["paths"]:
            segments = transcribe(path, **request["options"])[0]
            answers.append(" ".join(segment.text.strip() for segment in segments))
        print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
