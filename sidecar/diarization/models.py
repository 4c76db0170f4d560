"""The two networks on ONNX Runtime."""

from pathlib import Path

import numpy as np
import onnxruntime

from . import checkpoint, embedding_graph, segmentation_graph


class Models:
    """Shared by all requests. Each call runs on one thread, the caller's."""

    def __init__(self, segmentation: Path, embedding: Path):
        weights = checkpoint.read(embedding)
        self._segmentation = _session(segmentation_graph.build(checkpoint.read(segmentation)))
        self._features = _session(embedding_graph.build(weights))
        self._embedding = _session(embedding_graph.build_last_layer(weights))

    def segment(self, windows: np.ndarray) -> np.ndarray:
        """float32 [windows, samples] → logarithms of probabilities [windows, frames, classes]."""
        return _run(self._segmentation, windows[:, None])

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
