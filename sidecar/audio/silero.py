"""Silero VAD's network (the weights that faster-whisper ships), on OpenVINO where it is faster, else on ONNX
Runtime."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from faster_whisper.utils import get_assets_path
from faster_whisper.vad import get_vad_model

from ..openvino_runtime import Compiled, is_faster
from ..processor import detect
from ..settings import cores

_WEIGHTS = Path(get_assets_path()) / "silero_vad_v6.onnx"

_LONGEST = 128

Network = Callable[[np.ndarray, np.ndarray, np.ndarray], Sequence[np.ndarray]]
"""float32 frames, each after the samples before it [frames, samples], and the state (h and c, [1, 1, 128]) →
the probability of speech in each frame, and the state after the last one."""


@cache
def network() -> Network:
    """Shared by all requests."""
    return on_openvino() if is_faster(detect()) else on_onnx_runtime()


def on_onnx_runtime() -> Network:
    session = get_vad_model().session
    return lambda frames, h, c: session.run(None, {"input": frames, "h": h, "c": c})


def on_openvino() -> Network:
    """In float32: bfloat16 takes a third less, but moves probabilities by up to 0.4."""
    compiled = Compiled(_WEIGHTS.read_bytes(), workers=max(2, cores()), exact=True)

    def run(frames: np.ndarray, h: np.ndarray, c: np.ndarray) -> Sequence[np.ndarray]:
        probabilities = []
        at = 0
        while at < len(frames):
            # OpenVINO keeps some MB for each length, so there are few: powers of two.
            length = 1 << (min(len(frames) - at, _LONGEST).bit_length() - 1)
            probability, h, c = compiled(frames[at : at + length], h, c)
            probabilities.append(probability.reshape(-1))
            at += length
        return np.concatenate(probabilities), h, c

    return run
