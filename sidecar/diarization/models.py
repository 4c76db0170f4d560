"""The two networks on ONNX Runtime."""

from pathlib import Path

import numpy as np
import onnxruntime

from . import checkpoint, embedding_graph, segmentation_graph


class Models:
    """Shared by all requests. Each call runs on one thread, the caller's."""

    def __init__(self, segmentation: Path, embedding: Path):
        self._segmentation = _session(segmentation_graph.build(checkpoint.read(segmentation)))
        self._embedding = _session(embedding_graph.build(checkpoint.read(embedding)))

    def segment(self, windows: np.ndarray) -> np.ndarray:
        """float32 [windows, samples] → logarithms of probabilities [windows, frames, classes]."""
        return np.asarray(self._segmentation.run(None, {"x": windows[:, None]})[0])

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """Mel features [crops, frames, bins] → embeddings of unit length [crops, dimensions]."""
        embeddings = np.asarray(self._embedding.run(None, {"x": crops})[0])
        unit: np.ndarray = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
        return unit


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
