"""The two networks on ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from . import checkpoint, embedding_graph, segmentation_graph
from .segmentation_graph import CONTEXT, HOP

_PIECE = 5_000
"""Frames that the segmentation's first layer computes at once (9.4 s), to bound its memory."""

_BATCH = 8


class Models:
    """Shared by all requests. Each call runs on one thread, the caller's."""

    def __init__(self, segmentation: Path, embedding: Path):
        weights = checkpoint.read(segmentation)
        self._first_layer = segmentation_graph.FirstLayer(weights)
        self._filters = _session(self._first_layer.build())
        self._segmentation = _session(segmentation_graph.build(weights))
        weights = checkpoint.read(embedding)
        self._features = _session(embedding_graph.build(weights))
        self._embedding = _session(embedding_graph.build_last_layer(weights))

    def segment(self, samples: np.ndarray, begins: Sequence[int], window: int) -> np.ndarray:
        """float32 samples; windows of `window` samples that begin at multiples of HOP → logarithms of
        probabilities [windows, frames, classes]."""
        frames = (len(samples) - CONTEXT) // HOP
        pieces = [
            _run(self._filters, samples[None, None, at * HOP : (at + _PIECE) * HOP + CONTEXT])[0]
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
            results.append(_run(self._segmentation, np.stack(inputs)))
        return np.concatenate(results)

    def features(self, mel: np.ndarray) -> np.ndarray:
        """Mel features [frames, bins] → CAM++'s features before its pooling [frames / 2, FEATURES]."""
        features: np.ndarray = _run(self._features, mel[None])[0]
        return features

    def embed(self, statistics: np.ndarray) -> np.ndarray:
        """Means and standard deviations of features [crops, 2 · FEATURES] → embeddings of unit length
        [crops, dimensions]."""
        embeddings = _run(self._embedding, statistics)
        unit: np.ndarray = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
        return unit


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, x: np.ndarray) -> np.ndarray:
    return np.asarray(session.run(None, {"x": x})[0])
