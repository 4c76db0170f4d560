"""The two networks, on OpenVINO where it is faster, else on ONNX Runtime."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from ..openvino_runtime import Compiled, is_faster
from ..processor import detect
from . import checkpoint, embedding_graph, segmentation_graph
from .segmentation_graph import CONTEXT, HOP

_PIECE = 5_000
"""Frames that the segmentation's first layer computes at once (9.4 s), to bound its memory."""

_BATCH = 8

_LENGTHS = (25, 50, 75, 99)
"""Units that the embedding network gets from OpenVINO, which prepares itself for each length (55 ms)."""

_Run = Callable[[np.ndarray], np.ndarray]


class Models:
    """Shared by all requests. Each call takes one thread; `workers` calls run at once."""

    def __init__(self, segmentation: Path, embedding: Path, *, workers: int, exact: bool = False):
        """exact: in float32 on every processor."""
        self._workers = workers
        self._on_openvino = is_faster(detect()) and not exact
        weights = checkpoint.read(segmentation)
        self._first_layer = segmentation_graph.FirstLayer(weights)
        self._filters = _on_onnx_runtime(self._first_layer.build())
        self._segmentation = self._fastest(segmentation_graph.build(weights))
        weights = checkpoint.read(embedding)
        self._features = self._fastest(embedding_graph.build(weights))
        self._embedding = _on_onnx_runtime(embedding_graph.build_last_layer(weights))

    def segment(self, samples: np.ndarray, begins: Sequence[int], window: int) -> np.ndarray:
        """float32 samples; windows of `window` samples that begin at multiples of HOP → logarithms of
        probabilities [windows, frames, classes]."""
        frames = (len(samples) - CONTEXT) // HOP
        pieces = [
            self._filters(samples[None, None, at * HOP : (at + _PIECE) * HOP + CONTEXT])[0]
            for at in range(0, frames, _PIECE)
        ]
        filtered = np.concatenate(pieces, axis=1)
        length = (window - CONTEXT) // HOP
        results = []
        for at in range(0, len(begins), _BATCH):
            inputs = [
                self._first_layer.normalised(
                    filtered[:, begin // HOP : begin // HOP + length], samples[begin : begin + window]
                )
                for begin in begins[at : at + _BATCH]
            ]
            results.append(self._segmentation(np.stack(inputs)))
        return np.concatenate(results)

    def length(self, units: int) -> int:
        """Of the input in which the embedding network gets so many units, repeated up to it."""
        if not self._on_openvino:
            return max(units, _LENGTHS[0])
        return next(length for length in _LENGTHS if length >= units)

    def features(self, mel: np.ndarray) -> np.ndarray:
        """Mel features [frames, bins] → CAM++'s features before its pooling [frames / 2, FEATURES]."""
        features: np.ndarray = self._features(mel[None])[0]
        return features

    def embed(self, statistics: np.ndarray) -> np.ndarray:
        """Means and standard deviations of features [crops, 2 · FEATURES] → embeddings of unit length
        [crops, dimensions]."""
        embeddings = self._embedding(statistics)
        unit: np.ndarray = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
        return unit

    def _fastest(self, graph: bytes) -> _Run:
        if not self._on_openvino:
            return _on_onnx_runtime(graph)
        compiled = Compiled(graph, workers=self._workers)
        return lambda x: compiled(x)[0]


def _on_onnx_runtime(graph: bytes) -> _Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda x: np.asarray(session.run(None, {"x": x})[0])
