"""pyannote's segmentation-3.0 (PyanNet: SincNet, LSTM, linear layers) as an ONNX graph."""

import numpy as np

from .checkpoint import Weights
from .graph import Graph

_SAMPLE_RATE = 16_000
_MIN_HZ = 50
_HIDDEN = 128
_LSTM_LAYERS = 4
_LINEAR_LAYERS = 2
_SLOPE = 0.01
_CLASSES = 7


def build(weights: Weights) -> bytes:
    """x: [windows, 1, samples] → y: [windows, frames, classes], logarithms of probabilities."""
    graph = Graph()
    x = _sincnet(graph, weights)
    x = graph.add("Transpose", x, perm=[2, 0, 1])
    for layer in range(_LSTM_LAYERS):
        x = _lstm(graph, weights, x, layer)
    x = graph.add("Transpose", x, perm=[1, 0, 2])
    for layer in range(_LINEAR_LAYERS):
        x = graph.add("LeakyRelu", _linear(graph, weights, x, f"linear.{layer}"), alpha=_SLOPE)
    graph.add("LogSoftmax", _linear(graph, weights, x, "classifier"), axis=2, output="y")
    return graph.serialized(["windows", 1, "samples"], ["windows", "frames", _CLASSES])


def _sincnet(graph: Graph, weights: Weights) -> str:
    x = _normalised(graph, weights, "x", "sincnet.wav_norm1d")
    x = graph.add("Abs", graph.add("Conv", x, graph.constant(_sinc_filters(weights)), strides=[10]))
    for layer in range(3):
        if layer:
            kernel = graph.constant(weights[f"sincnet.conv1d.{layer}.weight"])
            x = graph.add("Conv", x, kernel, graph.constant(weights[f"sincnet.conv1d.{layer}.bias"]))
        x = graph.add("MaxPool", x, kernel_shape=[3], strides=[3])
        x = graph.add("LeakyRelu", _normalised(graph, weights, x, f"sincnet.norm1d.{layer}"), alpha=_SLOPE)
    return x


def _normalised(graph: Graph, weights: Weights, x: str, name: str) -> str:
    scale, bias = graph.constant(weights[f"{name}.weight"]), graph.constant(weights[f"{name}.bias"])
    return graph.add("InstanceNormalization", x, scale, bias, epsilon=1e-5)


def _sinc_filters(weights: Weights) -> np.ndarray:
    """The band-pass filters of asteroid-filterbanks' ParamSincFB: an even and an odd filter of each band."""
    name = "sincnet.conv1d.0.filterbank"
    low = _MIN_HZ + np.abs(weights[f"{name}.low_hz_"])
    high = np.clip(low + _MIN_HZ + np.abs(weights[f"{name}.band_hz_"]), _MIN_HZ, _SAMPLE_RATE / 2)
    times, window = weights[f"{name}.n_"], weights[f"{name}.window_"]
    width = high - low
    even = (np.sin(high @ times) - np.sin(low @ times)) / (times / 2) * window
    odd = (np.cos(low @ times) - np.cos(high @ times)) / (times / 2) * window
    filters = np.concatenate(
        [
            np.concatenate([even, 2 * width, even[:, ::-1]], axis=1),
            np.concatenate([odd, np.zeros_like(width), -odd[:, ::-1]], axis=1),
        ]
    )
    scaled: np.ndarray = (filters / (2 * np.tile(width, (2, 1))))[:, None].astype(np.float32)
    return scaled


def _lstm(graph: Graph, weights: Weights, x: str, layer: int) -> str:
    names = [f"l{layer}", f"l{layer}_reverse"]
    inputs = np.stack([_gates(weights[f"lstm.weight_ih_{name}"]) for name in names])
    recurrent = np.stack([_gates(weights[f"lstm.weight_hh_{name}"]) for name in names])
    biases = np.stack(
        [
            np.concatenate([_gates(weights[f"lstm.bias_ih_{name}"]), _gates(weights[f"lstm.bias_hh_{name}"])])
            for name in names
        ]
    )
    constants = [graph.constant(values) for values in (inputs, recurrent, biases)]
    y = graph.add("LSTM", x, *constants, hidden_size=_HIDDEN, direction="bidirectional")
    return graph.add(
        "Reshape", graph.add("Transpose", y, perm=[0, 2, 1, 3]), graph.integers(0, 0, 2 * _HIDDEN)
    )


def _gates(values: np.ndarray) -> np.ndarray:
    """PyTorch's order of gates (input, forget, cell, output) → ONNX's (input, output, forget, cell)."""
    first, forget, cell, output = np.split(values, 4)
    return np.concatenate([first, output, forget, cell])


def _linear(graph: Graph, weights: Weights, x: str, name: str) -> str:
    product = graph.add("MatMul", x, graph.constant(weights[f"{name}.weight"].T))
    return graph.add("Add", product, graph.constant(weights[f"{name}.bias"]))
