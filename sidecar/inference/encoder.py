"""Whisper's encoder on OpenVINO, from the weights of a CTranslate2 model.

CTranslate2 computes the encoder's attention in float32, with all scores of a layer in memory. With AMX,
OpenVINO takes half of its time for 14.5 s of audio, and a quarter for 30 s; with AVX-512 BF16 it takes as
much for 14.5 s, and half for 30 s. Its output is closer to that of float32 than CTranslate2's with int8
weights.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from ..openvino_runtime import Compiled, is_faster, openvino
from ..processor import Processor, detect
from .weights import WeightsError, values, variables

_EPSILON = 1e-5
_BYTES_PER_WEIGHT = 2
_MAX_COPIED_BYTES = 256 << 20
"""Larger weights are not held a second time for lone inputs: those of tiny, base and small are."""


def is_chosen(setting: str, model: Path, compute_type: str, processor: Processor) -> bool:
    """Whether a model on a CPU gets this encoder.

    setting: `openvino`, `ctranslate2`, or `auto`: where it is faster, unless the operator chose more
    precision than int8. model: the `model.bin`.
    """
    if setting != "auto":
        return setting == "openvino"
    return compute_type == "int8" and is_faster(processor) and not is_quantized(model)


def open_encoder(
    setting: str, model: Path, compute_type: str, *, workers: int, threads: int
) -> "Encoder | None":
    """None if CTranslate2 encodes. The arguments are those of `is_chosen` and `Encoder`."""
    chosen = is_chosen(setting, model, compute_type, detect())
    return Encoder(model, workers=workers, threads=threads) if chosen else None


def is_quantized(model: Path) -> bool:
    """Whether the weights are integers, or in an unknown format, so that only CTranslate2 can use them."""
    try:
        return any(variable.quantized for variable in variables(model))
    except WeightsError:
        return True


def memory_bytes(model: Path, *, workers: int) -> int:
    """Of an encoder's weights, which are held beside CTranslate2's. 0 if they cannot be."""
    if is_quantized(model):
        return 0
    once = _weights_bytes(model)
    return 2 * once if _has_lone(once, workers) else once


def _weights_bytes(model: Path) -> int:
    own = [variable for variable in variables(model) if variable.name.startswith("encoder/")]
    return sum(_BYTES_PER_WEIGHT * math.prod(variable.shape) for variable in own)


def _has_lone(weights_bytes: int, workers: int) -> bool:
    return workers > 1 and weights_bytes <= _MAX_COPIED_BYTES


class Encoder:
    """`workers` inputs at once, each on `threads` threads; a lone input on the threads of all workers. May be
    called from any number of threads.

    model: the `model.bin`. Raises WeightsError if its weights are quantized, or its format is unknown.
    """

    def __init__(self, model: Path, *, workers: int, threads: int):
        graph = _Graph(openvino(), model).model()
        self._graph = Compiled(graph, workers=workers, threads=threads)
        self._lone = self._graph
        if _has_lone(_weights_bytes(model), workers):
            self._lone = Compiled(graph, workers=1, threads=workers * threads)

    def encode(self, mel: np.ndarray, *, lone: bool = False) -> np.ndarray:
        """mel: float32 [mel bins, frames of 10 ms] → float32 [frames of 20 ms, width], the same if `lone`."""
        (outputs,) = (self._lone if lone else self._graph)(mel[None])
        features: np.ndarray = outputs[0]
        return features


class _Graph:
    """The encoder's layers, as openai/whisper's model.py has them."""

    def __init__(self, openvino: Any, path: Path):
        self._ov, self._op = openvino, openvino.opset13
        self._path = path
        self._found = {variable.name: variable for variable in variables(path)}
        if any(variable.quantized for variable in self._found.values()):
            raise WeightsError(f"{path} has quantized weights, which only CTranslate2 can use")
        self._heads = int(self._values("num_heads"))

    def model(self) -> Any:
        """[inputs, mel bins, frames] → [inputs, frames / 2, width], for any number of inputs and frames."""
        op = self._op
        bins = self._found["encoder/conv1/weight"].shape[1]
        mel = op.parameter(self._ov.PartialShape([-1, bins, -1]), np.float32)
        x = self._convolution(self._convolution(mel, "conv1", stride=1), "conv2", stride=2)
        x = self._positioned(op.transpose(x, self._integers(0, 2, 1)))
        layer = 0
        while f"encoder/layer_{layer}/ffn/linear_0/weight" in self._found:
            x = op.add(x, self._attention(x, f"layer_{layer}/self_attention"))
            x = op.add(x, self._feed_forward(x, f"layer_{layer}/ffn"))
            layer += 1
        return self._ov.Model([self._norm(x, "layer_norm")], [mel], "encoder")

    def _values(self, name: str) -> np.ndarray:
        return values(self._path, self._found[f"encoder/{name}"])

    def _constant(self, array: np.ndarray) -> Any:
        constant = self._op.constant(np.ascontiguousarray(array))
        return constant if array.dtype == np.float32 else self._op.convert(constant, "f32")

    def _integers(self, *numbers: int) -> Any:
        return self._op.constant(np.array(numbers, np.int64))

    def _convolution(self, x: Any, name: str, *, stride: int) -> Any:
        y = self._op.convolution(x, self._constant(self._values(f"{name}/weight")), [stride], [1], [1], [1])
        bias = self._constant(self._values(f"{name}/bias")[None, :, None])
        return self._op.gelu(self._op.add(y, bias), "erf")

    def _positioned(self, x: Any) -> Any:
        op = self._op
        encodings = self._constant(self._values("position_encodings/encodings")[None])
        length = op.gather(op.shape_of(x), self._integers(1), np.array(0))
        first, step, axis = self._integers(0), self._integers(1), self._integers(1)
        return op.add(x, op.slice(encodings, first, length, step, axis))

    def _norm(self, x: Any, name: str) -> Any:
        op = self._op
        y = op.mvn(x, self._integers(-1), True, _EPSILON, "inside_sqrt")
        scaled = op.multiply(y, self._constant(self._values(f"{name}/gamma")))
        return op.add(scaled, self._constant(self._values(f"{name}/beta")))

    def _linear(self, x: Any, weight: np.ndarray, bias: np.ndarray) -> Any:
        product = self._op.matmul(x, self._constant(weight), False, True)
        return self._op.add(product, self._constant(bias))

    def _layer(self, x: Any, name: str) -> Any:
        return self._linear(x, self._values(f"{name}/weight"), self._values(f"{name}/bias"))

    def _attention(self, x: Any, name: str) -> Any:
        """Queries, keys and values are one matrix."""
        op = self._op
        x = self._norm(x, f"{name}/layer_norm")
        weights = np.split(self._values(f"{name}/linear_0/weight"), 3)
        biases = np.split(self._values(f"{name}/linear_0/bias"), 3)
        width = len(biases[0])
        parts = []
        for weight, bias in zip(weights, biases, strict=True):
            heads = self._integers(0, 0, self._heads, width // self._heads)
            part = op.reshape(self._linear(x, weight, bias), heads, True)
            parts.append(op.transpose(part, self._integers(0, 2, 1, 3)))
        y = op.transpose(op.scaled_dot_product_attention(*parts), self._integers(0, 2, 1, 3))
        return self._layer(op.reshape(y, self._integers(0, 0, width), True), f"{name}/linear_1")

    def _feed_forward(self, x: Any, name: str) -> Any:
        hidden = self._layer(self._norm(x, f"{name}/layer_norm"), f"{name}/linear_0")
        return self._layer(self._op.gelu(hidden, "erf"), f"{name}/linear_1")
