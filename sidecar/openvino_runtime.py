"""Graphs on OpenVINO, which multiplies matrices in bfloat16 where the processor does so itself."""

import importlib.util
import sys
from io import BytesIO
from queue import SimpleQueue
from typing import Any

import numpy as np

from .processor import Processor, detect

_BFLOAT16 = {"amx_bf16", "avx512_bf16"}


def is_faster(processor: Processor) -> bool:
    """Whether OpenVINO is there and, on this processor, faster than the other libraries."""
    return bool(processor.flags & _BFLOAT16) and importlib.util.find_spec("openvino") is not None


def openvino() -> Any:
    """The package. Raises ModuleNotFoundError with the remedy."""
    # Each import of OpenVINO would report itself to its makers. Without this package it cannot.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "ENCODER=openvino needs the package openvino, which requirements.txt installs only on Linux with"
            " an x86-64 processor: set ENCODER=auto"
        ) from error

    return openvino


class Compiled:
    """A graph that `workers` calls run at once, each on `threads` threads; further calls wait. The first
    inputs of each shape take longer than the others.

    model: an OpenVINO model, or a serialized ONNX graph. exact: in float32 on every processor.
    """

    def __init__(self, model: Any, *, workers: int, threads: int = 1, exact: bool = False):
        core = openvino().Core()
        compiled = core.compile_model(
            core.read_model(BytesIO(model)) if isinstance(model, bytes) else model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "f32" if exact else _precision_on(detect()),
                "NUM_STREAMS": workers,
                "INFERENCE_NUM_THREADS": workers * threads,
                # CTranslate2's threads, and those of other models, run on the same cores.
                "ENABLE_CPU_PINNING": False,
                "ENABLE_HYPER_THREADING": True,
            },
        )
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(workers):
            self._requests.put(compiled.create_infer_request())

    def __call__(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """The outputs, in the graph's order."""
        request = self._requests.get()
        try:
            return [np.array(output) for output in request.infer(inputs).values()]
        finally:
            self._requests.put(request)


def _precision_on(processor: Processor) -> str:
    """OpenVINO's name of the type for products of matrices."""
    return "bf16" if processor.flags & _BFLOAT16 else "f32"
