"""python -m bench.diarization.memory: the memory of the diarization while hours of audio pass through it.

The networks are replaced by ones that answer at once, because their memory does not depend on the length.
"""

import resource
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sidecar.audio.decoder import SAMPLE_RATE
from sidecar.diarization.diarizer import Diarizer
from sidecar.diarization.embedding_graph import FEATURES
from sidecar.diarization.models import Models
from sidecar.diarization.segmentation import FRAMES

_BLOCK = 10 * SAMPLE_RATE
_HOURS = 3
_SPEAKERS = 4


class RandomModels(Models):
    """One of four speakers in each second; embeddings near the speaker's."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(1)
        self._speakers = self._random.normal(size=(_SPEAKERS, 192))

    def segment(self, samples: np.ndarray, begins: Sequence[int], window: int) -> np.ndarray:
        classes = self._random.integers(0, 4, (len(begins), FRAMES // 60 + 1)).repeat(60, axis=1)
        return np.where(np.eye(7)[classes[:, :FRAMES]], 0.0, -20.0)

    def length(self, units: int) -> int:
        return units

    def features(self, mel: np.ndarray) -> np.ndarray:
        return np.zeros((len(mel) // 2, FEATURES), np.float32)

    def embed(self, statistics: np.ndarray) -> np.ndarray:
        chosen = self._speakers[self._random.integers(0, _SPEAKERS, len(statistics))]
        embeddings = chosen + 0.5 * self._random.normal(size=chosen.shape)
        return np.asarray(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True))


def main() -> int:
    noise = np.random.default_rng(2).normal(0, 1000, _BLOCK).astype(np.int16)
    print("| minutes | resident MB | peak MB |\n| ---: | ---: | ---: |")
    with ThreadPoolExecutor(1) as pool:
        diarizer = Diarizer(RandomModels(), pool)
        for block in range(1, _HOURS * 360 + 1):
            diarizer.push(noise)
            if block % 180 == 0:
                print(
                    f"| {block // 6} | {_resident_mb():.0f} | {_peak_mb():.0f} |",
                    flush=True,
                )
        diarizer.end()
        diarization = diarizer.finish()
    print(f"| the end | {_resident_mb():.0f} | {_peak_mb():.0f} |")
    print(f"\n{len(diarization.turns)} turns, {len(diarization.voices)} voices")
    return 0


def _resident_mb() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    sys.exit(main())
