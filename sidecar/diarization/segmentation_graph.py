"""pyannote's segmentation-3.0 (PyanNet: SincNet, LSTM, linear layers) as ONNX graphs.

The first layer takes a third of a window's time, so it runs once for the audio of all windows that overlap.
"""

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
_FILTERS = 80
_STRIDE = 10
_POOL = 3
_EPSILON = 1e-5

HOP = _STRIDE * _POOL
"""Samples from frame to frame of the first layer."""

CONTEXT = 241
"""n · HOP + CONTEXT samples make n frames."""


class FirstLayer:
    """SincNet's band-pass filters. The network normalises each window before them: x → scale · x + offset.
    Because they are linear, they can be applied to the audio first: then filter · (scale · x + offset) =
    scale · (filter · x) + offset · sum of the filter. The largest absolute value of three results, which
    the network takes next, follows from their largest and their smallest."""

    def __init__(self, weights: Weights):
        self._filters = _sinc_filters(weights)
        self._sums = self._filters.sum(axis=(1, 2))[:, None]
        self._weight, self._bias = (
            float(weights[f"sincnet.wav_norm1d.{name}"][0]) for name in ("weight", "bias")
        )

    def build(self) -> bytes:
        """x: [1, 1, samples] → y: [1, 2 · filters, frames]: the largest results, the negated smallest."""
        graph = Graph()
        x = graph.add("Conv", "x", graph.constant(self._filters), strides=[_STRIDE])
        both = [x, graph.add("Neg", x)]
        pooled = [graph.add("MaxPool", value, kernel_shape=[_POOL], strides=[_POOL]) for value in both]
        graph.add("Concat", *pooled, axis=1, output="y")
        return graph.serialized([1, 1, "samples"], [1, 2 * len(self._filters), "frames"])

    def normalised(self, filtered: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """filtered: what the graph returned for a window. samples: of the window."""
        scale = self._weight / np.sqrt(samples.var(dtype=np.float64) + _EPSILON)
        offset = self._bias - scale * samples.mean(dtype=np.float64)
        shift = (offset * self._sums).astype(np.float32)
        largest, negated = np.split(filtered * np.float32(scale), 2)
        normalised: np.ndarray = np.maximum(largest + shift, negated - shift)
        return normalised


def build(weights: Weights) -> bytes:
    """x: [windows, filters, frames of the first layer] → y: [windows, frames, classes], logarithms of
    probabilities."""
    graph = Graph()
    x = _convolutions(graph, weights)
    x = graph.add("Transpose", x, perm=[2, 0, 1])
    for layer in range(_LSTM_LAYERS):
        x = _lstm(graph, weights, x, layer)
    x = graph.add("Transpose", x, perm=[1, 0, 2])
    for layer in range(_LINEAR_LAYERS):
        x = graph.add("LeakyRelu", _linear(graph, weights, x, f"linear.{layer}"), alpha=_SLOPE)
    graph.add("LogSoftmax", _linear(graph, weights, x, "classifier"), axis=2, output="y")
    return graph.serialized(["windows", _FILTERS, "filtered"], ["windows", "frames", _CLASSES])


def _convolutions(graph: Graph, weights: Weights) -> str:
    """The rest of SincNet."""
    x = _activated(graph, weights, "x", 0)
    for layer in (1, 2):
        kernel = graph.constant(weights[f"sincnet.conv1d.{layer}.weight"])
        x = graph.add("Conv", x, kernel, graph.constant(weights[f"sincnet.conv1d.{layer}.bias"]))
        x = graph.add("MaxPool", x, kernel_shape=[_POOL], strides=[_POOL])
        x = _activated(graph, weights, x, layer)
    return x


def _activated(graph: Graph, weights: Weights, x: str, layer: int) -> str:
    name = f"sincnet.norm1d.{layer}"
    scale, bias = graph.constant(weights[f"{name}.weight"]), graph.constant(weights[f"{name}.bias"])
    x = graph.add("InstanceNormalization", x, scale, bias, epsilon=_EPSILON)
    return graph.add("LeakyRelu", x, alpha=_SLOPE)


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
