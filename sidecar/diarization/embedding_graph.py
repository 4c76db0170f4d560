"""3D-Speaker's CAM++ (speaker embeddings) as ONNX graphs: the layers before the pooling, and the last one."""

from typing import Any

import numpy as np

from .checkpoint import Weights
from .features import BINS
from .graph import Graph

FEATURES = 512
_DIMENSIONS = 192

MAX_FRAMES = 200
"""CAM++ averages its context over segments of 100 frames, after a stride of 2. Up to this length there is
only one segment, and the graph averages over all of it."""

_BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers and dilation of each densely connected block."""

_EPSILON = 1e-5
_PAD = [1, 1, 1, 1]


def build(weights: Weights) -> bytes:
    """x: [chunks, mel frames, mel bins] → y: [chunks, mel frames / 2, FEATURES]."""
    net = _Network(weights)
    x = net.graph.add("Unsqueeze", net.graph.add("Transpose", "x", perm=[0, 2, 1]), net.graph.integers(1))
    x = net.front_end(x)
    for number, (layers, dilation) in enumerate(_BLOCKS, 1):
        for layer in range(1, layers + 1):
            x = net.dense_layer(x, f"xvector.block{number}.tdnnd{layer}", dilation)
        x = net.relu(x, f"xvector.transit{number}.nonlinear.batchnorm")
        x = net.convolution(x, f"xvector.transit{number}.linear")
    x = net.relu(x, "xvector.out_nonlinear.batchnorm")
    net.graph.add("Transpose", x, perm=[0, 2, 1], output="y")
    return net.graph.serialized(["chunks", "frames", BINS], ["chunks", "units", FEATURES])


def build_last_layer(weights: Weights) -> bytes:
    """x: [crops, 2 · FEATURES], the means of the features and their standard deviations → y: [crops,
    dimensions]."""
    net = _Network(weights)
    x = net.convolution(net.graph.add("Unsqueeze", "x", net.graph.integers(2)), "xvector.dense.linear")
    x = net.batch_norm(x, "xvector.dense.nonlinear.batchnorm")
    net.graph.add("Squeeze", x, net.graph.integers(2), output="y")
    return net.graph.serialized(["crops", 2 * FEATURES], ["crops", _DIMENSIONS])


class _Network:
    def __init__(self, weights: Weights):
        self._weights = weights
        self.graph = Graph()

    def convolution(self, x: str, name: str, **attributes: Any) -> str:
        tensors = [f"{name}.weight", f"{name}.bias"]
        constants = [self.graph.constant(self._weights[key]) for key in tensors if key in self._weights]
        return self.graph.add("Conv", x, *constants, **attributes)

    def batch_norm(self, x: str, name: str) -> str:
        mean, variance = self._weights[f"{name}.running_mean"], self._weights[f"{name}.running_var"]
        scale = self._weights.get(f"{name}.weight", np.ones_like(mean))
        bias = self._weights.get(f"{name}.bias", np.zeros_like(mean))
        constants = [self.graph.constant(values) for values in (scale, bias, mean, variance)]
        return self.graph.add("BatchNormalization", x, *constants, epsilon=_EPSILON)

    def relu(self, x: str, norm: str) -> str:
        return self.graph.add("Relu", self.batch_norm(x, norm))

    def front_end(self, x: str) -> str:
        """Two-dimensional residual convolutions, then the first layer over time."""
        x = self.relu(self.convolution(x, "head.conv1", pads=_PAD), "head.bn1")
        for layer in ("head.layer1", "head.layer2"):
            x = self._residual(x, f"{layer}.0", stride=2)
            x = self._residual(x, f"{layer}.1", stride=1)
        x = self.relu(self.convolution(x, "head.conv2", pads=_PAD, strides=[2, 1]), "head.bn2")
        x = self.graph.add("Reshape", x, self.graph.integers(0, 32 * BINS // 8, -1))
        x = self.convolution(x, "xvector.tdnn.linear", strides=[2], pads=[2, 2])
        return self.relu(x, "xvector.tdnn.nonlinear.batchnorm")

    def _residual(self, x: str, name: str, *, stride: int) -> str:
        y = self.convolution(x, f"{name}.conv1", pads=_PAD, strides=[stride, 1])
        y = self.convolution(self.relu(y, f"{name}.bn1"), f"{name}.conv2", pads=_PAD)
        y = self.batch_norm(y, f"{name}.bn2")
        if f"{name}.shortcut.0.weight" in self._weights:
            x = self.convolution(x, f"{name}.shortcut.0", strides=[stride, 1])
            x = self.batch_norm(x, f"{name}.shortcut.1")
        return self.graph.add("Relu", self.graph.add("Add", y, x))

    def dense_layer(self, x: str, name: str, dilation: int) -> str:
        """A convolution whose channels are masked by the context, appended to its input."""
        y = self.convolution(self.relu(x, f"{name}.nonlinear1.batchnorm"), f"{name}.linear1")
        y = self.relu(y, f"{name}.nonlinear2.batchnorm")
        cam = f"{name}.cam_layer"
        local = self.convolution(y, f"{cam}.linear_local", pads=[dilation] * 2, dilations=[dilation])
        # The context is the mean over all frames plus the mean over the segment, which are equal here.
        mean = self.graph.add("ReduceMean", y, axes=[2], keepdims=1)
        context = self.graph.add("Add", mean, mean)
        hidden = self.graph.add("Relu", self.convolution(context, f"{cam}.linear1"))
        mask = self.graph.add("Sigmoid", self.convolution(hidden, f"{cam}.linear2"))
        return self.graph.add("Concat", x, self.graph.add("Mul", local, mask), axis=1)
